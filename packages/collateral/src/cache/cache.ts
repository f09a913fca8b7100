/**
 * Where records are kept. The server fills it with its storage; {@link memoryCache} serves tests and one-shot commands.
 *
 * Nothing read from it is believed: records are verified again before use.
 */
export interface CollateralCache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** Keys that begin with the prefix, ascending. */
  list(prefix: string): Promise<readonly string[]>;
}

export function memoryCache(): CollateralCache {
  const entries = new Map<string, Uint8Array>();
  return {
    get: async (key) => entries.get(key)?.slice(),
    put: async (key, value) => void entries.set(key, value.slice()),
    delete: async (key) => void entries.delete(key),
    list: async (prefix) => [...entries.keys()].filter((key) => key.startsWith(prefix)).sort(),
  };
}
