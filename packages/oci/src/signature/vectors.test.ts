/** Signatures of gpg, skopeo and cosign, and the configuration of guests: each gives what the vectors say. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError } from '@assay/bytes/findings';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import {
  checkDigest,
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
  signatureTag,
  verifyCosign,
  verifySimpleSignature,
} from '../index.js';

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: {
    readonly reference: string;
    readonly references: readonly string[];
    readonly manifest_digest: string;
    readonly signed_identity: { readonly type: string } | null;
    readonly identity_default?: 'none' | 'matchRepoDigestOrExact';
    readonly allow_expired_key: boolean;
    readonly allow_sha1: boolean;
    readonly now: string;
  };
  readonly expected: Readonly<Record<string, unknown>> & { readonly verdict: string; readonly error?: string };
}

const folder = vectorsArea('signature') ?? '';
const entries = (loadManifest('signature') ?? []) as readonly Entry[];

const CODES: Readonly<Record<string, readonly string[]>> = {
  'unknown-signer': ['signature.key.match'],
  'signature-invalid': ['signature.key.match'],
  'weak-hash': ['signature.hash.accepted'],
  'key-expired': ['signature.key.time'],
  'digest-mismatch': ['signature.digest.match'],
  'identity-mismatch': ['signature.identity.match'],
};

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(folder === '')('signature vectors', () => {
  const of = (kind: string): Entry[] => entries.filter((entry) => entry.kind === kind);
  const read = (entry: Entry, role: string): Uint8Array => readFileSync(join(folder, entry.files[role] ?? ''));

  const judged = async (entry: Entry, judge: () => Promise<Record<string, unknown>>): Promise<void> => {
    if (entry.expected.verdict === 'pass') {
      expect({ verdict: 'pass', ...(await judge()) }).toEqual(entry.expected);
      return;
    }
    const error = await judge().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(AssayError);
    expect(CODES[entry.expected.error ?? '']).toContain((error as AssayError).code);
  };

  test.each(of('simple-signing'))('$id', async (entry) => {
    const { inputs } = entry;
    const manifest = entry.files['manifest'];
    if (manifest !== undefined && isDigest(inputs.manifest_digest))
      checkDigest(read(entry, 'manifest'), inputs.manifest_digest);
    await judged(entry, async () => {
      const result = await verifySimpleSignature(
        read(entry, 'signature'),
        await readKeyring(read(entry, 'keyring'), 'keyring'),
        { reference: parseReference(inputs.reference), manifestDigest: inputs.manifest_digest },
        readIdentity(inputs.signed_identity as never),
        { now: new Date(inputs.now), allowExpiredKey: inputs.allow_expired_key, allowSha1: inputs.allow_sha1 },
      );
      return {
        signer_fingerprint: result.fingerprint,
        signature_time: result.created.getTime() / 1000,
        hash_algorithm: result.hash,
        payload_sha256: sha256(result.payloadBytes),
        payload_length: result.payloadBytes.length,
        docker_reference: result.payload.dockerReference,
        manifest_digest: result.payload.manifestDigest,
        signature_type: result.payload.type,
        key_expired: result.keyExpired,
      };
    });
  });

  test.each(of('cosign'))('$id', async (entry) => {
    const { inputs } = entry;
    await judged(entry, async () => {
      const manifest = readManifest(read(entry, 'signature_manifest'));
      if (manifest.kind !== 'manifest') throw new Error('an index');
      const usual: SignedIdentity | undefined = inputs.identity_default === 'none' ? undefined : DEFAULT_IDENTITY;
      const result = await verifyCosign({
        manifest,
        payload: async () => read(entry, 'payload'),
        keys: [readCosignKey(Buffer.from(read(entry, 'public_key')).toString(), 'key')],
        image: { reference: parseReference(inputs.reference), manifestDigest: inputs.manifest_digest },
        identity: inputs.signed_identity === null ? usual : readIdentity(inputs.signed_identity as never),
      });
      return {
        payload_sha256: sha256(result.payloadBytes),
        docker_reference: result.payload.dockerReference,
        manifest_digest: result.payload.manifestDigest,
        signature_type: result.payload.type,
        signature_tag: signatureTag(result.payload.manifestDigest),
        signature_layers: result.signatures,
      };
    });
  });

  test.each(of('policy-lookup'))('$id', (entry) => {
    const policy = readPolicy(read(entry, 'policy'));
    const found = entry.inputs.references.map((text) => [text, lookUpScope(policy, parseReference(text))] as const);
    expect(Object.fromEntries(found.map(([text, { scope }]) => [text, scope]))).toEqual(entry.expected['scope']);
    expect(
      Object.fromEntries(found.map(([text, { requirements }]) => [text, requirements.map(({ type }) => type)])),
    ).toEqual(entry.expected['requirements']);
  });

  test.each(of('lookaside-config'))('$id', (entry) => {
    const path = join(folder, entry.files['configuration'] ?? '');
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path];
    const config = readLookaside(files.map((name) => ({ name, text: readFileSync(name, 'utf8') })));
    expect({
      verdict: 'pass',
      default_docker: config.defaultDocker ?? null,
      docker: Object.fromEntries(config.docker),
      base_url: Object.fromEntries(
        entry.inputs.references.map((text) => [text, lookasideBase(config, parseReference(text)) ?? null]),
      ),
    }).toEqual(entry.expected);
  });

  test.each(of('key-load'))('$id', (entry) => {
    const key = readCosignKey(Buffer.from(read(entry, 'key')).toString(), 'key');
    expect(sha256(key.export({ type: 'spki', format: 'der' }))).toBe(entry.expected['spki_sha256']);
  });
});
