/** The guest was launched with other init-data than it was given. */
export class InitDataError extends Error {
  override readonly name = 'InitDataError';
}
