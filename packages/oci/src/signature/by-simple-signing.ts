/** A `signedBy` requirement: OpenPGP signatures, which lie beside the image or in a folder of their own. */
import { AssayError } from '@assay/bytes/findings';
import type { PublicKey } from 'openpgp';
import { readIfThere, TooLarge } from '../layout/read.js';
import { absent } from './absent.js';
import { DEFAULT_IDENTITY, type SignedIdentity } from './identity.js';
import type { JudgeOptions } from './judge.js';
import type { KeySource } from './key-source.js';
import { malformed } from './payload.js';
import { LARGEST_SIGNATURE, readKeyring, verifySimpleSignature } from './simple-signing.js';
import { storedSignatures } from './stored.js';
import { nameOf } from './subject.js';

/** Beside the image first. Any good one is enough; of several bad ones the first is told. @returns the fingerprint of its key. @throws AssayError `signature.*` */
export async function bySimpleSigning(
  keys: KeySource,
  identity: SignedIdentity = DEFAULT_IDENTITY,
  options: JudgeOptions,
): Promise<string> {
  const { now, allowExpiredKey = false, allowSha1 = false } = options;
  const places = [beside(options), apart(options)].filter((place) => place !== undefined);
  const keyring = await keyringOf(keys, options);
  let reason: AssayError | undefined;
  for (const files of places) {
    for await (const found of storedSignatures(files)) {
      if (found.kind === 'unreadable') reason ??= found.reason;
      if (found.kind !== 'simple-signing') continue;
      try {
        const settings = { now, allowExpiredKey, allowSha1 };
        return (await verifySimpleSignature(found.message, keyring, options, identity, settings)).fingerprint;
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        reason ??= error;
      }
    }
  }
  throw reason ?? absent(nameOf(options), 'OpenPGP', whereOf(options));
}

type Files = (number: number) => Promise<Uint8Array | undefined> | undefined;

function beside({ source, manifestDigest }: JudgeOptions): Files | undefined {
  return source.stored === undefined ? undefined : (number) => source.stored?.(manifestDigest, number);
}

/** In a folder of its own, by the name of the image. */
function apart(options: JudgeOptions): Files | undefined {
  const folder = folderOf(options);
  return folder === undefined ? undefined : (number) => signatureIn(`${folder}/signature-${number}`);
}

function folderOf({ reference, lookaside, manifestDigest }: JudgeOptions): string | undefined {
  if (reference === undefined || lookaside === undefined) return undefined;
  return `${lookaside(reference)}/${reference.repository}@${manifestDigest.replace(':', '=')}`;
}

function whereOf(options: JudgeOptions): string {
  const { source, reference } = options;
  const near = source.stored === undefined ? [] : [source.name];
  const nameless = reference === undefined ? ['the place for its name, of which it has none (`--reference NAME`)'] : [];
  return [...near, folderOf(options) ?? nameless].flat().join(', ');
}

async function signatureIn(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readIfThere(path, LARGEST_SIGNATURE);
  } catch (error) {
    throw error instanceof TooLarge ? malformed(error.message) : error;
  }
}

async function keyringOf({ paths, data }: KeySource, { readKey }: JudgeOptions): Promise<readonly PublicKey[]> {
  const files = await Promise.all(paths.map(async (name) => ({ name, bytes: await readKey(name) })));
  const given = data.map((text) => ({ name: 'keyData', bytes: new Uint8Array(Buffer.from(text, 'base64')) }));
  return (await Promise.all([...files, ...given].map(({ bytes, name }) => readKeyring(bytes, name)))).flat();
}
