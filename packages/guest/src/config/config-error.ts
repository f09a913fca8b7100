/** A setting that cannot be what was meant. The text names where it stands, and never repeats a value that may be secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
