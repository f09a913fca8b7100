/** A `sigstoreSigned` requirement: fetches keys, and signatures of every form, and verifies. */
import { DecodeError } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import { type Certificate, parseCertificates } from '@assay/evidence/x509';
import { readBlob } from '../copy/copy.js';
import type { StoredManifest } from '../location/location.js';
import { readManifest } from '../model/manifest.js';
import { BUNDLE_TYPE } from '../sigstore/bundle.js';
import { readLogKey } from '../sigstore/log-key.js';
import type { SignatureTrust, VerifiedSigner } from '../sigstore/verify.js';
import { absent } from './absent.js';
import { verifyBundles } from './bundles.js';
import { type CosignVerification, signatureTag, verifyCosign } from './cosign.js';
import { readCosignKey } from './cosign-key.js';
import { DEFAULT_IDENTITY, type SignedIdentity } from './identity.js';
import type { JudgeOptions } from './judge.js';
import { keyTexts } from './key-source.js';
import type { SigstoreRequirement } from './sigstore-requirement.js';
import { storedSignatures } from './stored.js';
import { nameOf } from './subject.js';

/** Under a tag, saved beside the image, in files, or referring to it: one good signature of any form is enough. @throws AssayError `signature.*` */
export async function bySigstore(requirement: SigstoreRequirement, options: JudgeOptions): Promise<VerifiedSigner> {
  const { identity = DEFAULT_IDENTITY } = requirement;
  const trust = await trustOf(requirement, options);
  let reason: AssayError | undefined;
  for await (const attempt of attempts(options, { trust, image: options, identity })) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      reason ??= error;
    }
  }
  throw reason ?? absent(nameOf(options), 'cosign', `tag ${signatureTag(options.manifestDigest)}`);
}

async function* attempts(
  options: JudgeOptions,
  wanted: Pick<CosignVerification, 'trust' | 'image' | 'identity'> & { readonly identity: SignedIdentity },
): AsyncGenerator<() => Promise<VerifiedSigner>> {
  const { source, manifestDigest } = options;
  const tag = signatureTag(manifestDigest);
  const inManifest = async ({ bytes, mediaType }: StoredManifest): Promise<VerifiedSigner> => {
    const manifest = readManifest(bytes, mediaType);
    if (manifest.kind === 'index') throw absent(nameOf(options), 'cosign', `the index under tag ${tag}`);
    return (await verifyCosign({ manifest, payload: (layer) => readBlob(source, layer), ...wanted })).signer;
  };
  const tagged = await source.tagged?.(tag);
  if (tagged !== undefined) yield () => inManifest(tagged);
  for (const one of (await source.saved?.(tag)) ?? []) yield async () => inManifest(await source.manifest(one));
  for await (const found of storedSignatures((number) => source.stored?.(manifestDigest, number))) {
    if (found.kind === 'unreadable') yield () => Promise.reject(found.reason);
    if (found.kind !== 'sigstore') continue;
    const { layer, payload } = found;
    yield async () =>
      (await verifyCosign({ manifest: { layers: [layer] }, payload: async () => payload, ...wanted })).signer;
  }
  const referrers = (await source.referrers?.(manifestDigest, BUNDLE_TYPE)) ?? [];
  if (referrers.length > 0) yield () => verifyBundles({ source, referrers, ...wanted });
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
