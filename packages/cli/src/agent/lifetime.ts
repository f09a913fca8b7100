/** What a running service closes with. */
export interface Closable {
  close(): Promise<void>;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs until the process is told to end, then closes everything in turn. */
export async function untilEnded(services: readonly Closable[]): Promise<void> {
  await new Promise<void>((resolve) => {
    // What is closed lets the process end only where nothing else holds it: a second signal ends it at once.
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });
  for (const service of services) await service.close();
}
