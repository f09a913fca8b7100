/** Asks until the answer is yes, or the time is over. */
export async function within(milliseconds: number, ask: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + milliseconds;
  do {
    if (await ask()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (Date.now() < end);
  return false;
}
