/** A broker over memory with a clock that tests move, and guests of every protocol version. */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '@assay/bytes';
import type { Finding } from '@assay/bytes/findings';
import { BuiltinKms, type KeyManagementHealth } from '@assay/kms';
import {
  decryptJwe,
  formatAttestation,
  formatRequest,
  generateTeeKeyPair,
  type ProtocolVersion,
  parseChallenge,
  parseResponse,
  protocolTraits,
  runtimeDataBindings,
  type Tee,
  type TeeKeyAlgorithm,
  type TeeKeyPair,
} from '@assay/protocol';
import { MemoryStorage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';
import { openKeyBroker } from '../broker.js';
import type {
  AdminPrincipal,
  AttestReply,
  AuthReply,
  KbsConfig,
  KbsMetrics,
  KbsSources,
  KeyBroker,
  Method,
  PluginReply,
} from '../types.js';
import { TestBackend } from './backend.test.helper.js';

export const SECRET = Buffer.from('shhhhhhh');
export const SECRET_PATH = 'default/test/secret';
export const ALLOW_ALL = 'package policy\nallow = true';

export interface Bench {
  readonly broker: KeyBroker;
  readonly backend: TestBackend;
  readonly storage: MemoryStorage;
  readonly clock: { now: Date };
  readonly warnings: Finding[];
  readonly admin: AdminPrincipal;
  close(): Promise<void>;
}

export interface BenchOptions {
  readonly config?: Partial<KbsConfig>;
  readonly sources?: KbsSources;
  readonly storage?: MemoryStorage;
  readonly metrics?: KbsMetrics;
  /** What key management says of itself. */
  readonly kmsHealth?: KeyManagementHealth;
}

/** Opens a broker that allows every administrator, with a secret stored. */
export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const clock = { now: new Date('2026-11-21T10:00:00Z') };
  const now = () => clock.now;
  const folder = temporaryFolder('assay-kbs-');
  const storage = options.storage ?? new MemoryStorage({ now: () => clock.now.getTime() });
  const backend = new TestBackend(now);
  const warnings: Finding[] = [];
  const kms = new BuiltinKms({ directory: join(folder, 'kek') });
  const { kmsHealth } = options;
  if (kmsHealth !== undefined) kms.health = async () => kmsHealth;
  const broker = await openKeyBroker({
    config: { admin: { authorization_mode: 'InsecureAllowAll' }, ...options.config },
    storage,
    kms,
    attestation: backend,
    now,
    random: randomBytes,
    ...(options.sources === undefined ? {} : { sources: options.sources }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    warn: (finding) => warnings.push(finding),
  });
  const admin = { subject: 'ana', role: 'admin' } as AdminPrincipal;
  await broker.resources.set(SECRET_PATH, SECRET, admin);
  return {
    broker,
    backend,
    storage,
    clock,
    warnings,
    admin,
    close: async () => {
      await broker.close();
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Key type that clients of a version use. */
function keyAlgorithmOf(version: ProtocolVersion): TeeKeyAlgorithm {
  return protocolTraits(version).jweForm === 1 ? 'RSA1_5' : 'ECDH-ES+A256KW-P256';
}

/** A guest with sample evidence. */
export class Guest {
  readonly #bench: Bench;
  readonly version: ProtocolVersion;
  readonly keys: TeeKeyPair;
  readonly tee: Tee;
  session: string | undefined;
  nonce = '';
  token = '';

  constructor(bench: Bench, version: ProtocolVersion = '0.4.0', options: { keys?: TeeKeyPair; tee?: Tee } = {}) {
    this.#bench = bench;
    this.version = version;
    this.keys = options.keys ?? generateTeeKeyPair(keyAlgorithmOf(version), randomBytes);
    this.tee = options.tee ?? 'sample';
  }

  async auth(): Promise<AuthReply> {
    const reply = await this.#bench.broker.auth({ body: json(formatRequest(this.version, this.tee) as JsonObject) });
    this.session = reply.cookie.value;
    this.nonce = parseChallenge(JSON.parse(reply.body) as JsonValue).nonce;
    return reply;
  }

  /** The report data that this guest's evidence carries. */
  reportData(additionalEvidence = '', form = 0): string {
    const bindings = runtimeDataBindings(
      this.version,
      { nonce: this.nonce, teePubkey: this.keys.publicKey, additionalEvidence },
      'primary',
    );
    return createHash('sha384')
      .update(bindings[form]?.bytes ?? new Uint8Array())
      .digest('base64');
  }

  attestationBody(
    changes: { nonce?: string; reportData?: string; additional?: string; keys?: TeeKeyPair } = {},
  ): JsonObject {
    return formatAttestation(this.version, {
      nonce: changes.nonce ?? this.nonce,
      teePubkey: (changes.keys ?? this.keys).publicKey,
      primaryEvidence: { svn: '1', report_data: changes.reportData ?? this.reportData(changes.additional) },
      ...(changes.additional === undefined ? {} : { additionalEvidence: changes.additional }),
    }) as JsonObject;
  }

  async attest(body: JsonObject = this.attestationBody()): Promise<AttestReply> {
    const reply = await this.#bench.broker.attest({ session: this.session, body: json(body) });
    this.token = (JSON.parse(reply.body) as { token: string }).token;
    return reply;
  }

  async handshake(): Promise<AttestReply> {
    await this.auth();
    return this.attest();
  }

  /** Asks with the session cookie. */
  get(path: string, query: Record<string, string> = {}): Promise<PluginReply> {
    return call(this.#bench, 'GET', path, { session: this.session, query });
  }

  /** Asks with the token alone. */
  getWithToken(path: string, token = this.token): Promise<PluginReply> {
    return call(this.#bench, 'GET', path, { authorization: `Bearer ${token}` });
  }

  /** Opens an answer as a client of this version does. */
  open(reply: PluginReply): string {
    const jwe = parseResponse(JSON.parse(Buffer.from(reply.body).toString()) as JsonValue);
    const form = protocolTraits(this.version).jweForm;
    return Buffer.from(decryptJwe(jwe, this.keys.privateKey, { form, random: randomBytes })).toString();
  }
}

export function call(
  bench: Bench,
  method: Method,
  path: string,
  more: {
    session?: string | undefined;
    authorization?: string;
    query?: Record<string, string>;
    body?: Uint8Array;
  } = {},
): Promise<PluginReply> {
  return bench.broker.plugin({
    method,
    path,
    query: more.query ?? {},
    body: more.body ?? new Uint8Array(),
    uri: `/kbs/v0/${path}`,
    session: more.session,
    authorization: more.authorization,
    caller: { address: '192.0.2.1' },
  });
}

export function json(value: JsonValue): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** What a call was refused with. */
export async function refusalOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('the call was not refused');
}
