/** `online_sev_kbc`: a connection that was injected at the launch of an SEV guest, under which it asks for secrets later. */
import { createDecipheriv } from 'node:crypto';
import { ByteReader, DecodeError, decodeBase64, decodeUtf8 } from '@assay/bytes';
import type { RandomSource, ResourceUri } from '@assay/protocol';
import { malformed, parseObject } from './json-map.js';
import type { Kbc } from './kbc.js';
import { KbcError } from './kbc-error.js';
import { resourcePathOf } from './resource-path.js';
import { SEV_SECRET_FOLDER, type SecretFiles } from './secret-files.js';

const CONNECTION = '1ee27366-0c87-43a6-af48-28543eaf7cb0';
const KEY_SIZE = 32;
const TAG_SIZE = 16;
const IV_SIZE = 12;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `keybroker.KeyBrokerService/GetOnlineSecret`, as the front door of the broker takes and gives it. */
export type OnlineSecretTransport = (request: {
  readonly clientId: string;
  readonly secretRequests: readonly {
    readonly guid: string;
    readonly format: string;
    readonly secretType: string;
    readonly id: string;
  }[];
}) => Promise<{ readonly payload: string; readonly iv: string }>;

export interface OnlineSevKbcOptions {
  readonly files: SecretFiles;
  /** @throws KbcError what the broker refused; {@link refusalOfText} makes one */
  readonly transport: OnlineSecretTransport;
  readonly random: RandomSource;
  /** Default: where Linux shows injected secrets. */
  readonly folder?: string;
  readonly unload?: () => Promise<void>;
}

interface Connection {
  readonly clientId: string;
  readonly key: Uint8Array;
}

export class OnlineSevKbc implements Kbc {
  readonly #options: OnlineSevKbcOptions;
  #connection: Promise<Connection> | undefined;

  constructor(options: OnlineSevKbcOptions) {
    this.#options = options;
  }

  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const { path, type } = resourcePathOf(uri);
    this.#connection ??= this.#load().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    const { clientId, key } = await this.#connection;
    if (type === 'client-id') return Buffer.from(clientId);
    // A fresh GUID for each request: an answer to another one does not have it.
    const guid = uuid(this.#options.random);
    const secretType = type === 'key' ? 'key' : 'resource';
    const answer = await this.#options.transport({
      clientId,
      secretRequests: [{ guid, format: 'binary', secretType, id: path }],
    });
    return openAnswer(answer, key, guid);
  }

  async #load(): Promise<Connection> {
    const { files, folder = SEV_SECRET_FOLDER, unload } = this.#options;
    const path = `${folder}/${CONNECTION}`;
    const bytes = await files.read(path);
    if (bytes === undefined)
      throw new KbcError('unavailable', `${path} is not there: no connection was injected at launch`);
    const { client_id: clientId, key: text } = parseObject(bytes, 'the injected connection');
    if (typeof clientId !== 'string' || !UUID.test(clientId) || typeof text !== 'string')
      throw malformed('the injected connection', 'client_id or key is not there');
    const key = base64(text, 'the injected connection', 'its key');
    if (key.length !== KEY_SIZE) throw malformed('the injected connection', 'its key has not 32 bytes');
    await files.remove(path);
    await unload?.();
    return { clientId, key };
  }
}

/** Decrypts an answer and takes the one entry that was asked for. */
function openAnswer(
  answer: { readonly payload: string; readonly iv: string },
  key: Uint8Array,
  guid: string,
): Uint8Array {
  const what = 'the answer of the broker';
  const sealed = base64(answer.payload, what, 'its payload');
  const iv = base64(answer.iv, what, 'its IV');
  if (iv.length !== IV_SIZE || sealed.length < TAG_SIZE) throw malformed(what, 'IV or payload of another length');
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_SIZE });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_SIZE));
  let plain: Uint8Array;
  try {
    plain = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_SIZE)), decipher.final()]);
  } catch (cause) {
    throw new KbcError('protocol', `${what} is not encrypted under this connection's key`, { cause });
  }
  try {
    return parseBincodeEntry(plain, guid);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(what, error.reason);
  }
}

/** A map of exactly one entry, as Rust's bincode 1 writes it. @throws DecodeError */
function parseBincodeEntry(bytes: Uint8Array, guid: string): Uint8Array {
  const reader = new ByteReader(bytes, 'secret map');
  if (reader.u64le('count') !== 1n) throw new DecodeError('secret map', 'it has not one entry');
  const id = decodeUtf8(reader.bytes(length(reader), 'GUID'));
  if (id !== guid) throw new DecodeError('secret map', 'it answers another request');
  const secret = Uint8Array.from(reader.bytes(length(reader), 'secret'));
  reader.end();
  return secret;
}

function length(reader: ByteReader): number {
  // A length that leaves the map is refused by whoever reads on.
  return Number(reader.u64le('length'));
}

function base64(text: string, what: string, part: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed(what, `${part} is not base64`);
  }
}

/** UUIDv4. */
function uuid(random: RandomSource): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The refusal that a status text of the key broker stands for; `outage` where the call itself did not get through. */
export function refusalOfText(
  text: string,
  facts: { readonly outage?: boolean; readonly attempt?: string } = {},
): KbcError {
  const { outage = false, ...more } = facts;
  if (outage) return new KbcError('unavailable', text, more);
  const missing = /^Cannot fulfill secret request: /.test(text);
  return new KbcError(missing ? 'missing' : 'refused', text, more);
}
