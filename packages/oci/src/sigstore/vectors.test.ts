/** The public conformance suite of sigstore clients, as far as policies of images reach: logs with keys, and authorities. */
import { createHash, createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError } from '@assay/bytes/findings';
import { vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { readCosignKey } from '../signature/cosign-key.js';
import { foundInEnvelope, readBundle } from './bundle.js';
import { readSignerCertificate } from './certificate.js';
import { type LogKey, readLogKey } from './log-key.js';
import { type SignatureTrust, verifyFound } from './verify.js';

interface Case {
  readonly expected: 'pass' | 'fail';
  readonly identity: string | null;
  readonly issuer: string | null;
  readonly trusted_root: string;
  readonly key?: string;
}

interface Certificates {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
}

interface TrustedRoot {
  readonly tlogs: readonly {
    readonly publicKey: { readonly rawBytes: string; readonly validFor?: { start?: string; end?: string } };
  }[];
  readonly certificateAuthorities?: readonly Certificates[];
}

/**
 * What only a time-stamping authority, or a log of certificates, tells: a policy of images names neither. Those that pass by a time stamp
 * alone are refused here for want of a time; the others fail by it alone.
 */
const BY_TIME_STAMP = /^(rekor2-|bundle-with-sct-with-extensions)/;

const area = vectorsArea('supply-chain');
const root = area === undefined ? undefined : join(area, 'sigstore');
const names = root === undefined ? [] : readdirSync(root).filter((name) => existsSync(join(root, name, 'case.json')));

describe.skipIf(root === undefined)('conformance of sigstore bundles', () => {
  test.each(names)('%s', (name) => {
    const at = (file: string): string => join(root ?? '', name, file);
    const wanted = JSON.parse(readFileSync(at('case.json'), 'utf8')) as Case;
    const outcome = judge(wanted, at);
    if (wanted.expected === 'pass' && BY_TIME_STAMP.test(name)) expect(outcome).toBe('signature.log.time');
    else expect(outcome === 'pass' ? 'pass' : 'fail', outcome).toBe(wanted.expected);
  });
});

function judge(wanted: Case, at: (file: string) => string): string {
  const trustedRoot = JSON.parse(
    readFileSync(
      wanted.trusted_root === 'production' ? at('../trusted_root.production.json') : at(wanted.trusted_root),
      'utf8',
    ),
  ) as TrustedRoot;
  try {
    const bundle = readBundle(readFileSync(at('bundle.sigstore.json')));
    const trust = trustOf(trustedRoot, wanted, at);
    const artifact = readFileSync(at('artifact'));
    if (bundle.content.kind === 'envelope') {
      verifyFound(foundInEnvelope(bundle, bundle.content.envelope), trust);
      const { subject } = JSON.parse(Buffer.from(bundle.content.envelope.payload).toString('utf8')) as {
        subject: readonly { digest: { sha256?: string } }[];
      };
      const sha256 = createHash('sha256').update(artifact).digest('hex');
      return subject.some(({ digest }) => digest.sha256 === sha256) ? 'pass' : 'another subject';
    }
    const { signature, digest } = bundle.content;
    const actual = createHash('sha256').update(artifact).digest();
    if (digest !== undefined && !actual.equals(digest)) return 'another digest';
    verifyFound({ ...bundle, signature, content: artifact }, trust);
    return 'pass';
  } catch (error) {
    if (error instanceof AssayError) return error.code;
    throw error;
  }
}

function trustOf(trusted: TrustedRoot, { identity, issuer, key }: Case, at: (file: string) => string): SignatureTrust {
  const logs = trusted.tlogs.flatMap(({ publicKey }): LogKey[] => {
    // A policy names keys alone: those that have ended are not put there.
    if (publicKey.validFor?.end !== undefined && !at('').includes('end-inclusive')) return [];
    const spki = createPublicKey({ key: Buffer.from(publicKey.rawBytes, 'base64'), format: 'der', type: 'spki' });
    return [readLogKey(spki.export({ type: 'spki', format: 'pem' }) as string, 'tlog')];
  });
  const now = new Date();
  if (key !== undefined) {
    return { signer: { kind: 'keys', keys: [readCosignKey(readFileSync(at(key), 'utf8'), key)] }, logs, now };
  }
  const authorities = (trusted.certificateAuthorities ?? []).flatMap(({ certChain }) =>
    certChain.certificates.map(({ rawBytes }) => readSignerCertificate(Buffer.from(rawBytes, 'base64'))),
  );
  const subject = { kind: identity?.includes('://') === true ? 'uri' : 'email', value: identity ?? '' } as const;
  return { signer: { kind: 'fulcio', authorities, identity: { issuer: issuer ?? '', subject } }, logs, now };
}
