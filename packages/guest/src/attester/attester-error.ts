/** Hardware, or what the kernel shows of it, did not do what its interface says. */
export class AttesterError extends Error {
  override readonly name = 'AttesterError';
}
