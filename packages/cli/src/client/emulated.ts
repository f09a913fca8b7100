import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDebugEnclave, readSigstruct } from '@assay/evidence/sgx';
import type { Attester } from '@assay/guest';
import {
  createTestWorld,
  defaultSgxReport,
  type EmulatedAttester,
  type EmulatedTee,
  emulatedAttester,
  type KeyPems,
  SGX_FLAG,
  type SgxReportFields,
  type TestWorld,
} from '@assay/soft-tee';
import { CliError, EXIT } from '../exit.js';
import { configHome, writePrivately } from './config-home.js';

/** Keys of an emulated world, so that the emulated vendors and the emulated guests of several commands are the same. */
interface StoredWorld {
  /** Hex. */
  readonly seed: string;
  readonly keys: KeyPems;
}

/** Where the emulated world of this user is kept. */
export function defaultWorldFile(): string {
  return join(configHome(), 'emulated-world.json');
}

/** The emulated world of a file; made at the first use. Its keys vouch for nothing: they are kept private all the same. */
export function openWorld(file: string): TestWorld {
  const stored = readWorld(file);
  const seed = stored === undefined ? randomBytes(32) : Buffer.from(stored.seed, 'hex');
  const world = createTestWorld({
    now: () => new Date(),
    random: (length) => randomBytes(length),
    seed: new Uint8Array(seed),
    ...(stored === undefined ? {} : { keys: stored.keys }),
  });
  if (stored === undefined) saveWorld(file, seed.toString('hex'), world);
  return world;
}

/** Keeps the keys that were made since the world was opened: AMD's are slow to make. */
export function keepWorld(file: string, world: TestWorld): void {
  const stored = readWorld(file);
  if (stored !== undefined) saveWorld(file, stored.seed, world);
}

/** Attester of an emulated TEE. */
export function emulatedGuest(tee: EmulatedTee, file: string): Attester {
  const world = openWorld(file);
  return keeping(emulatedAttester(tee, world), file, world);
}

/** An emulated enclave: it attests, and derives a key that no other enclave of its machine has. */
export interface EmulatedEnclave extends Attester {
  /** 16 bytes. */
  readonly sealingKey: Uint8Array;
}

/** @param sigstruct file that signs its identity; absent: an enclave of no build. @throws CliError exit 3 for one that is none */
export function emulatedEnclaveGuest(file: string, sigstruct: string | undefined): EmulatedEnclave {
  const world = openWorld(file);
  const report = sigstruct === undefined ? {} : identityIn(sigstruct);
  const { mrEnclave } = { ...defaultSgxReport(), ...report };
  const sealingKey = world.intel.sealingKey(world.intel.platform(), mrEnclave);
  return { ...keeping(emulatedAttester('sgx', world, { report }), file, world), sealingKey };
}

function identityIn(sigstruct: string): Partial<SgxReportFields> {
  const { authentic, findings } = readSigstruct(new Uint8Array(readFileSync(sigstruct)));
  if (authentic === undefined) {
    const [fault] = findings.filter(({ outcome }) => outcome === 'fail');
    throw new CliError(`${sigstruct}: ${fault?.title ?? 'no SIGSTRUCT'}`, EXIT.malformed, {
      ...(fault?.remedy === undefined ? {} : { hint: fault.remedy }),
    });
  }
  const { enclaveHash: mrEnclave, mrSigner, isvProdId, isvSvn } = authentic;
  // A build that only runs in debug runs in debug here too.
  const attributes = SGX_FLAG.init | SGX_FLAG.mode64bit | (isDebugEnclave(authentic) ? SGX_FLAG.debug : 0n);
  return { mrEnclave, mrSigner, isvProdId, isvSvn, attributes };
}

/** Keeps the keys that its evidence needed with the world. */
function keeping(attester: EmulatedAttester, file: string, world: TestWorld): Attester {
  return {
    tee: attester.tee,
    getEvidence: async (reportData, challenge) => {
      const evidence = await attester.getEvidence(reportData, challenge);
      keepWorld(file, world);
      return evidence;
    },
  };
}

function readWorld(file: string): StoredWorld | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as StoredWorld;
  } catch (error) {
    throw new CliError(`${file}: not a file of \`assay emulate\``, EXIT.malformed, {
      hint: 'delete it; another emulated world is made',
      cause: error,
    });
  }
}

function saveWorld(file: string, seed: string, world: TestWorld): void {
  writePrivately(
    dirname(file),
    basename(file),
    JSON.stringify({ seed, keys: world.exportKeys() } satisfies StoredWorld),
  );
}
