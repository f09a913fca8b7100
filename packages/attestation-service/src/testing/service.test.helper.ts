/** A service on memory storage and a key folder that goes away with the test. */
import { rmSync } from 'node:fs';
import { encodeBase64, type JsonObject, type JsonValue } from '@assay/bytes';
import { sampleDeviceVerifier, sampleVerifier } from '@assay/evidence';
import { openBuiltinKeyManagement } from '@assay/kms';
import { canonicalBytes, digest } from '@assay/protocol';
import { ReferenceValues } from '@assay/rvps';
import { MemoryStorage } from '@assay/storage';
import { temporaryFolder } from '@assay/testkit';
import { onTestFinished } from 'vitest';
import type { EvidenceEntry, HashAlgorithm } from '../contract.js';
import { AttestationService, type AttestationServiceOptions } from '../service.js';

export const START = new Date('2026-11-21T10:00:00Z');
export const OWNER = { subject: 'ana@example.org', method: 'test' };

export interface World {
  readonly service: AttestationService;
  readonly storage: MemoryStorage;
  readonly values: ReferenceValues;
  readonly options: AttestationServiceOptions;
  /** Moves the clock. */
  advance(milliseconds: number): void;
  now(): Date;
}

export async function openWorld(options: Partial<AttestationServiceOptions> = {}): Promise<World> {
  let time = START.getTime();
  const now = (): Date => new Date(time);
  const directory = temporaryFolder('assay-as-');
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const storage = new MemoryStorage({ now: () => time });
  const values = new ReferenceValues({ storage, now: () => time });
  const all: AttestationServiceOptions = {
    storage,
    kms: await openBuiltinKeyManagement({ directory }),
    referenceValues: values,
    verifiers: [sampleVerifier, sampleDeviceVerifier],
    now,
    ...options,
  };
  return {
    service: await AttestationService.open(all),
    storage,
    values,
    options: all,
    advance: (milliseconds) => {
      time += milliseconds;
    },
    now,
  };
}

/** Reference values under which the sample evidence is affirmed. */
export const SAMPLE_VALUES: { readonly [name: string]: JsonValue } = {
  launch_digest: ['abcde'],
  svn: ['1'],
  major_version: 1,
  minimum_minor_version: 4,
};

export async function setValues(world: World, values: { readonly [name: string]: JsonValue }): Promise<void> {
  for (const [name, value] of Object.entries(values)) await world.values.set(name, value, { by: OWNER });
}

export const RUNTIME_DATA: JsonObject = {
  nonce: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  'tee-pubkey': {
    kty: 'EC',
    crv: 'P-256',
    alg: 'ECDH-ES+A256KW',
    x: 'axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY',
    y: 'T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU',
  },
  'additional-evidence': '',
};

export interface SampleOptions {
  readonly svn?: string;
  readonly algorithm?: HashAlgorithm;
  /** What the guest bound instead of the runtime data of the handshake. */
  readonly bound?: JsonObject;
  readonly tee?: string;
}

/** Evidence of the sample attester over the given runtime data. */
export function sampleEntry(runtime: JsonObject = RUNTIME_DATA, options: SampleOptions = {}): EvidenceEntry {
  const report = digest(options.algorithm ?? 'sha384', canonicalBytes(options.bound ?? runtime));
  return {
    tee: options.tee ?? 'sample',
    evidence: { svn: options.svn ?? '1', report_data: encodeBase64(report) },
    runtimeData: { form: 'structured', value: runtime },
    initData: { form: 'none' },
  };
}
