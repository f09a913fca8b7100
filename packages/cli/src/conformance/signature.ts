/** Area `signature`: signed images, the policies that ask for them, and where signatures lie. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import {
  DEFAULT_IDENTITY,
  isDigest,
  lookasideBase,
  lookUpScope,
  parseReference,
  readCosignKey,
  readIdentity,
  readKeyring,
  readLookaside,
  readManifest,
  readPolicy,
  type SignedIdentity,
  sha256Digest,
  signatureTag,
  verifyCosign,
  verifySimpleSignature,
} from '@assay/oci';
import { type CaseFiles, caseRunner } from './cases.js';

export const signatureRunner = caseRunner('signature', judge, {
  'signature.hash.accepted': 'weak-hash',
  'signature.key.time': 'key-expired',
  'signature.digest.match': 'digest-mismatch',
  'signature.identity.match': 'identity-mismatch',
});

async function judge(kind: string, files: CaseFiles, inputs: JsonObject): Promise<JsonObject> {
  switch (kind) {
    case 'simple-signing':
      return simpleSigning(files, inputs);
    case 'cosign':
      return cosign(files, inputs);
    case 'policy-lookup': {
      const policy = readPolicy(files.bytes('policy'));
      const scopes = references(inputs).map((name) => [name, lookUpScope(policy, parseReference(name))] as const);
      return {
        scope: Object.fromEntries(scopes.map(([name, { scope }]) => [name, scope])),
        requirements: Object.fromEntries(
          scopes.map(([name, { requirements }]) => [name, requirements.map(({ type }) => type)]),
        ),
      };
    }
    case 'lookaside-config': {
      const config = readLookaside(yamlFiles(files.path('configuration')));
      return {
        default_docker: config.defaultDocker ?? null,
        docker: Object.fromEntries(config.docker),
        base_url: Object.fromEntries(
          references(inputs).map((name) => [name, lookasideBase(config, parseReference(name)) ?? null]),
        ),
      };
    }
    case 'key-load': {
      const key = readCosignKey(Buffer.from(files.bytes('key')).toString('utf8'), 'key');
      return {
        key_type: (key.asymmetricKeyType ?? '').toUpperCase(),
        curve: key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'P-256' : null,
        spki_sha256: sha256(key.export({ type: 'spki', format: 'der' })),
      };
    }
    default:
      return { verdict: 'fail', reason: `kind ${kind} is not judged` };
  }
}

async function simpleSigning(files: CaseFiles, inputs: JsonObject): Promise<JsonObject> {
  checkManifest(files, inputs);
  const keyring = await readKeyring(files.bytes('keyring'), 'keyring');
  const options = {
    now: new Date(text(inputs, 'now')),
    allowExpiredKey: inputs['allow_expired_key'] === true,
    allowSha1: inputs['allow_sha1'] === true,
  };
  const identity = identityOf(inputs) ?? DEFAULT_IDENTITY;
  try {
    const found = await verifySimpleSignature(files.bytes('signature'), keyring, imageOf(inputs), identity, options);
    return {
      signer_fingerprint: found.fingerprint,
      signature_time: found.created.getTime() / 1000,
      hash_algorithm: found.hash,
      payload_sha256: sha256(found.payloadBytes),
      payload_length: found.payloadBytes.length,
      docker_reference: found.payload.dockerReference,
      manifest_digest: found.payload.manifestDigest,
      signature_type: found.payload.type,
      key_expired: found.keyExpired,
    };
  } catch (error) {
    return renamed(error, 'unknown-signer');
  }
}

async function cosign(files: CaseFiles, inputs: JsonObject): Promise<JsonObject> {
  const manifest = readManifest(files.bytes('signature_manifest'));
  if (manifest.kind !== 'manifest') return { verdict: 'fail', reason: 'an index' };
  const usual = inputs['identity_default'] === 'none' ? undefined : DEFAULT_IDENTITY;
  try {
    const found = await verifyCosign({
      manifest,
      payload: async () => files.bytes('payload'),
      trust: {
        signer: {
          kind: 'keys',
          keys: [readCosignKey(Buffer.from(files.bytes('public_key')).toString('utf8'), 'public_key')],
        },
        logs: [],
        now: new Date(),
      },
      image: imageOf(inputs),
      identity: identityOf(inputs) ?? usual,
    });
    return {
      payload_sha256: sha256(found.payloadBytes),
      docker_reference: found.payload.dockerReference,
      manifest_digest: found.payload.manifestDigest,
      signature_type: found.payload.type,
      signature_tag: signatureTag(found.payload.manifestDigest),
      signature_layers: found.signatures,
    };
  } catch (error) {
    return renamed(error, 'signature-invalid');
  }
}

/** The vectors have two names for "by no key of ours": one for OpenPGP, one for cosign. */
function renamed(error: unknown, name: string): JsonObject {
  const { code, title } = error as { readonly code?: string; readonly title?: string };
  if (code !== 'signature.key.match') throw error;
  return { verdict: 'fail', error: name, reason: title ?? '' };
}

/** A manifest that comes along must be the one that is asked about. */
function checkManifest(files: CaseFiles, inputs: JsonObject): void {
  let manifest: Uint8Array;
  try {
    manifest = files.bytes('manifest');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const [actual, expected] = [sha256Digest(manifest), text(inputs, 'manifest_digest')];
  if (actual === expected || !isDigest(expected)) return;
  throw assayError('image.manifest.digest', { params: { blob: 'manifest', actual, expected } });
}

function imageOf(inputs: JsonObject): { reference: ReturnType<typeof parseReference>; manifestDigest: string } {
  return { reference: parseReference(text(inputs, 'reference')), manifestDigest: text(inputs, 'manifest_digest') };
}

function identityOf(inputs: JsonObject): SignedIdentity | undefined {
  const identity = inputs['signed_identity'];
  return identity === undefined || identity === null ? undefined : readIdentity(identity);
}

function yamlFiles(path: string): { readonly name: string; readonly text: string }[] {
  const names = statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .map((name) => join(path, name))
    : [path];
  return names.map((name) => ({ name, text: readFileSync(name, 'utf8') }));
}

function references(inputs: JsonObject): readonly string[] {
  return inputs['references'] as readonly string[];
}

function text(inputs: JsonObject, name: string): string {
  const value = inputs[name];
  return typeof value === 'string' ? value : '';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
