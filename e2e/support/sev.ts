/** A broker with SEV pre-attestation, and an emulated platform to launch on. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { decodeBase64, encodeBase64 } from '@assay/bytes';
import { BUNDLE_GUID, sevTrust } from '@assay/evidence/sev';
import {
  type AdminPrincipal,
  type KeyBroker,
  NO_METRICS,
  openKeyBroker,
  type SevBroker,
  type SevConfig,
} from '@assay/kbs';
import { BuiltinKms } from '@assay/kms';
import {
  createTestWorld,
  type LaunchOptions,
  type SevPlatform,
  type SevSecretDetails,
  startLaunch,
  type TestWorld,
} from '@assay/soft-tee';
import { MemoryStorage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';

export const world: TestWorld = createTestWorld({ now: () => new Date(), random: (n) => randomBytes(n) });
export const platform: SevPlatform = world.sev.platform();
const signer = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  alg: 'ES256',
};
export const DIGEST = new Uint8Array(createHash('sha256').update('firmware and kernel').digest());
export const DIGEST_TEXT = encodeBase64(DIGEST);
export const KEY = decodeBase64('RcHGava52DPvj1uoIk/NVDYlwxi0A6yyIZ8ilhEX3X4=');

/** For tests of what is not the resource policy: everything goes out. */
export const ALLOW_ALL = 'package policy\n\nallow := true\n';

export interface SevBench {
  readonly broker: KeyBroker;
  readonly sev: SevBroker;
  readonly storage: MemoryStorage;
  readonly clock: { now: Date };
  readonly kms: BuiltinKms;
  /** Where its keys are. */
  readonly folder: string;
  readonly admin: AdminPrincipal;
  /** Names of the counters that were moved, in order. */
  readonly counted: string[];
  policy(target: string, document: object): Promise<unknown>;
  secret(path: string, value: Uint8Array | string): Promise<unknown>;
  launch(change?: Partial<LaunchOptions>): ReturnType<typeof startLaunch>;
  close(): Promise<void>;
}

/** Broker in memory that trusts the emulated ARK, with simple-kbs' test key and keyset. */
export async function openSevBench(
  config: Partial<SevConfig> = {},
  /** Another replica's store and keys. */
  shared?: Pick<SevBench, 'storage' | 'folder' | 'clock'>,
): Promise<SevBench> {
  const clock = shared?.clock ?? { now: new Date('2026-11-22T10:00:00Z') };
  const storage = shared?.storage ?? new MemoryStorage({ now: () => clock.now.getTime() });
  const folder = shared?.folder ?? temporaryFolder('assay-sev-');
  const kms = new BuiltinKms({ directory: folder });
  const counted: string[] = [];
  const counters = Object.keys(NO_METRICS).map((name) => [name, () => void counted.push(name)]);
  const broker = await openKeyBroker({
    config: {
      admin: { authorization_mode: 'InsecureAllowAll' },
      sev: { trust: sevTrust([world.sev.ark()]), ...config },
    },
    storage,
    kms,
    // Nobody attests by handshake here: only the signer's key is asked for, at start.
    attestation: { jwks: async () => ({ keys: [signer] }), readiness: async () => [] } as never,
    now: () => clock.now,
    random: (bytes) => randomBytes(bytes),
    metrics: Object.fromEntries(counters) as typeof NO_METRICS,
  });
  const { sev } = broker;
  if (sev === undefined) throw new Error('SEV is off');
  const admin = { subject: 'ana', role: 'admin' } as AdminPrincipal;
  await broker.resourcePolicies.set(ALLOW_ALL, admin);
  await broker.resources.set('default/key/key_id1', KEY, admin);
  await broker.resources.set('default/keyset/KEYSET-1', Buffer.from('["key_id1"]'), admin);
  return {
    broker,
    sev,
    storage,
    clock,
    kms,
    folder,
    admin,
    counted,
    policy: (target, document) => sev.launchPolicies.set(target, Buffer.from(JSON.stringify(document)), admin),
    secret: (path, value) => broker.resources.set(path, Buffer.from(value), admin),
    launch: (change = {}) =>
      startLaunch({ platform, broker: sev, random: (n) => randomBytes(n), policy: 3, digest: DIGEST, ...change }),
    close: async () => {
      await broker.close();
      if (shared !== undefined) return;
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const bundle = (id = 'KEYSET-1'): SevSecretDetails => ({
  guid: BUNDLE_GUID,
  format: 'JSON',
  secretType: 'bundle',
  id,
});

/** What a call was refused with, by its text. */
export async function textOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no refusal',
    (error: { readonly text?: string; readonly message: string }) => error.text ?? `unexpected: ${error.message}`,
  );
}
