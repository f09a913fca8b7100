/** Gives that many fresh unpredictable bytes: `crypto.randomBytes` in services, a counter in reproducible tests. */
export type RandomSource = (length: number) => Uint8Array;
