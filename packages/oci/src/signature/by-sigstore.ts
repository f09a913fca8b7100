/** A `sigstoreSigned` requirement: fetches keys, and signatures of either form, and verifies. */
import { DecodeError } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import { type Certificate, parseCertificates } from '@assay/evidence/x509';
import { readBlob } from '../copy/copy.js';
import { readManifest } from '../model/manifest.js';
import { BUNDLE_TYPE } from '../sigstore/bundle.js';
import { readLogKey } from '../sigstore/log-key.js';
import type { SignatureTrust, VerifiedSigner } from '../sigstore/verify.js';
import { absent } from './absent.js';
import { verifyBundles } from './bundles.js';
import { readCosignKey, signatureTag, verifyCosign } from './cosign.js';
import { DEFAULT_IDENTITY } from './identity.js';
import type { JudgeOptions } from './judge.js';
import { keyTexts } from './key-source.js';
import type { SigstoreRequirement } from './sigstore-requirement.js';

/** Beside the image under a tag, or referring to it: one good signature of either form is enough. @throws AssayError `signature.*` */
export async function bySigstore(requirement: SigstoreRequirement, options: JudgeOptions): Promise<VerifiedSigner> {
  const { source, manifestDigest, reference } = options;
  const { identity = DEFAULT_IDENTITY } = requirement;
  const trust = await trustOf(requirement, options);
  const image = { reference, manifestDigest };
  const tag = signatureTag(manifestDigest);
  const stored = await source.tagged?.(tag);
  const manifest = stored === undefined ? undefined : readManifest(stored.bytes, stored.mediaType);
  let reason: unknown;
  if (manifest?.kind === 'manifest') {
    try {
      const payload = (layer: Parameters<typeof readBlob>[1]) => readBlob(source, layer);
      return (await verifyCosign({ manifest, payload, trust, image, identity })).signer;
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason = error;
    }
  }
  const referrers = (await source.referrers?.(manifestDigest, BUNDLE_TYPE)) ?? [];
  if (referrers.length > 0) return verifyBundles({ source, referrers, trust, image, identity });
  if (reason !== undefined) throw reason;
  throw absent(reference, 'cosign', manifest === undefined ? `tag ${tag}` : `tag ${tag}, which is an index,`);
}

async function trustOf({ signer, logs }: SigstoreRequirement, { readKey, now }: JudgeOptions): Promise<SignatureTrust> {
  const vouching = logs === undefined ? [] : await keyTexts(logs, readKey);
  const common = { logs: vouching.map(({ text, name }) => readLogKey(text, name)), now };
  if (signer.kind === 'keys') {
    const texts = await keyTexts(signer.keys, readKey);
    return { signer: { kind: 'keys', keys: texts.map(({ text, name }) => readCosignKey(text, name)) }, ...common };
  }
  const texts = await keyTexts(signer.authorities, readKey);
  const authorities = texts.flatMap(({ text, name }) => readAuthorities(text, name));
  return { signer: { kind: 'fulcio', authorities, identity: signer.identity }, ...common };
}

/** Certificates in PEM, or (`caData` of containers/image) base64 of that. */
function readAuthorities(text: string, file: string): readonly Certificate[] {
  const pem = text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('utf8');
  try {
    const certificates = pem.includes('-----BEGIN') ? parseCertificates(Buffer.from(pem)) : [];
    if (certificates.length > 0) return certificates;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw assayError('signature.policy.form', { params: { file, what: 'no certificates in PEM' }, subject: file });
}
