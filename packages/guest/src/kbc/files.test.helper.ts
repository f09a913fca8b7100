import { createCipheriv, randomBytes } from 'node:crypto';
import { KbcError } from './kbc-error.js';
import type { OnlineSecretTransport } from './online-sev-kbc.js';
import type { SecretFiles } from './secret-files.js';

/** Files in memory, which remembers what was removed. */
export class MemoryFiles implements SecretFiles {
  readonly files = new Map<string, Uint8Array>();
  readonly removed: string[] = [];

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.files.set(path, Buffer.from(text));
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
    this.removed.push(path);
  }
}

export type OnlineRequest = Parameters<OnlineSecretTransport>[0];

/** The online side of a key broker: answers under a connection's key. `change` edits the map before it is encrypted. */
export function onlineBroker(options: {
  readonly key: Uint8Array;
  readonly secrets: Readonly<Record<string, Uint8Array>>;
  readonly requests?: OnlineRequest[];
  readonly change?: (entries: [string, Uint8Array][]) => [string, Uint8Array][];
  readonly plain?: (bytes: Buffer) => Buffer;
  readonly answer?: (answer: { payload: string; iv: string }) => { payload: string; iv: string };
}): OnlineSecretTransport {
  return async (request) => {
    options.requests?.push(request);
    const entries = request.secretRequests.map(({ guid, id }): [string, Uint8Array] => {
      const secret = options.secrets[id];
      if (secret === undefined) throw new KbcError('missing', 'Cannot fulfill secret request: secret not found');
      return [guid, secret];
    });
    const map = bincode(options.change?.(entries) ?? entries);
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', options.key, iv);
    const payload = Buffer.concat([cipher.update(options.plain?.(map) ?? map), cipher.final(), cipher.getAuthTag()]);
    const answer = { payload: payload.toString('base64'), iv: iv.toString('base64') };
    return options.answer?.(answer) ?? answer;
  };
}

function bincode(entries: readonly (readonly [string, Uint8Array])[]): Buffer {
  const u64 = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  return Buffer.concat([
    u64(entries.length),
    ...entries.flatMap(([id, bytes]) => [u64(id.length), Buffer.from(id), u64(bytes.length), bytes]),
  ]);
}
