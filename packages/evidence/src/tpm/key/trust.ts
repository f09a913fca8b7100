/** Who vouches for an attestation key: the owner's list, a certificate, or nobody. */
import { DecodeError } from '@assay/bytes';
import { type CollateralUse, type FindingDraft, failed, notChecked, passed, utc, warned } from '@assay/bytes/findings';
import { type Certificate, nameInWords } from '../../x509/index.js';
import { type AkIdentity, type AttestationKey, akName } from './ak.js';
import { checkAttributes } from './attributes.js';
import { type AkRoots, examineAkCertificate, parseAkCertificates } from './certificate.js';

/** A key that the owner enrolled. */
export interface TrustedAk {
  /** Who says so, for findings: `enrolled 2026-03-01 as node-7`. */
  readonly source: string;
}

/**
 * Enrolled keys. An enrolment proves that the key is a restricted one of the TPM that was enrolled (credential activation),
 * so what it names needs no public area in the evidence.
 */
export interface TrustedAks {
  find(key: AkIdentity): TrustedAk | undefined;
}

export const NO_TRUSTED_AKS: TrustedAks = { find: () => undefined };

/** A fixed list, by the digest of the SubjectPublicKeyInfo or by Name, lower-case hex. */
export function trustedAkList(
  entries: Iterable<TrustedAk & { readonly spkiSha256?: string; readonly name?: string }>,
): TrustedAks {
  const known = new Map<string, TrustedAk>();
  for (const { name, source, spkiSha256 } of entries) {
    if (spkiSha256 !== undefined) known.set(spkiSha256, { source });
    if (name !== undefined) known.set(name, { source });
  }
  return {
    find: ({ name, spkiSha256 }) => known.get(spkiSha256) ?? (name === undefined ? undefined : known.get(name)),
  };
}

/** How a key came to be trusted. `policy`: not at all, policy has to ask for `ak_public`. */
export type AkTrust = 'enrolled' | 'certificate' | 'policy';

export interface AkTrustRules {
  readonly trustedAks: TrustedAks;
  readonly roots: AkRoots;
  /** What becomes of a key that nothing vouches for. */
  readonly untrusted: 'refuse' | 'policy';
}

export interface AkVouching {
  readonly findings: readonly FindingDraft[];
  readonly trust: AkTrust | undefined;
  /** Under the root of emulated hardware. */
  readonly emulated: boolean;
  readonly collateral: readonly CollateralUse[];
}

const SUBJECT = 'AK';

/** Judges a key by its public area, its certificate and the owner's list. */
export function vouchForAk(
  ak: AttestationKey | undefined,
  certificate: Uint8Array | undefined,
  rules: AkTrustRules,
  now: Date,
): AkVouching {
  if (ak === undefined) {
    const why = 'not asked: there is no AK';
    const ids = ['tpm.key.attributes', 'tpm.key.certificate', 'tpm.key.trust'] as const;
    const findings = ids.map((id) => notChecked(id, why, { subject: SUBJECT }));
    return { findings, trust: undefined, emulated: false, collateral: [] };
  }
  const attributes = checkAttributes(ak);
  const enrolled = rules.trustedAks.find(ak.identity);
  const certified = certificateOf(ak, certificate, rules.roots, now, enrolled !== undefined);
  const before = [attributes, ...certified.findings];
  const { emulated } = certified;
  const name = akName(ak);
  if (enrolled !== undefined) {
    const trust = passed('tpm.key.trust', SUBJECT, enrolled.source);
    return { findings: [...before, trust], trust: 'enrolled', emulated, collateral: certified.collateral };
  }
  if (certified.path !== undefined) {
    const trust = passed('tpm.key.trust', SUBJECT, certified.anchor);
    return { findings: [...before, trust], trust: 'certificate', emulated, collateral: certified.collateral };
  }
  const facts = {
    subject: SUBJECT,
    params: { name },
    expected: 'an enrolled AK, or one with a certificate of a known root',
    actual: name,
    compare: { relation: 'one-of', type: 'key' },
    source: 'enrolled AKs and tpm.ak_roots',
    origin: { kind: 'setting', key: 'tpm.untrusted_ak' },
  } as const;
  if (rules.untrusted === 'refuse') {
    const trust = failed('tpm.key.trust', { ...facts, causedBy: ['tpm.key.certificate'] });
    return { findings: [...before, trust], trust: undefined, emulated: false, collateral: [] };
  }
  const trust = warned('tpm.key.trust', {
    ...facts,
    severity: 'high',
    remedy: 'Let policy compare `ak_public` with the keys that you know, or enrol the AK.',
  });
  return { findings: [...before, trust], trust: 'policy', emulated: false, collateral: [] };
}

interface Certified {
  readonly findings: readonly FindingDraft[];
  readonly path?: readonly Certificate[];
  readonly anchor?: string;
  readonly emulated: boolean;
  readonly collateral: readonly CollateralUse[];
}

/** @param enrolled the key is trusted without a certificate: then one that is of no use is told, and refuses nothing */
function certificateOf(
  ak: AttestationKey,
  bytes: Uint8Array | undefined,
  roots: AkRoots,
  now: Date,
  enrolled: boolean,
): Certified {
  const nothing = { emulated: false, collateral: [] };
  if (bytes === undefined) {
    return {
      ...nothing,
      findings: [notChecked('tpm.key.certificate', 'no AK certificate came', { subject: SUBJECT })],
    };
  }
  let certificates: ReturnType<typeof parseAkCertificates>;
  try {
    certificates = parseAkCertificates(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { ...nothing, findings: [refusedCertificate(error.reason, [], [])] };
  }
  const [leaf, ...others] = certificates;
  const { anchor, keyMatches, path, problems } = examineAkCertificate(leaf, others, ak.spki, roots, now);
  // Without any root the owner asks nothing of certificates but that they do not contradict the key.
  if (roots.anchors.length === 0 && keyMatches) {
    const why = 'not judged: no root of AK certificates is named';
    return { ...nothing, findings: [notChecked('tpm.key.certificate', why, { subject: SUBJECT })] };
  }
  if (anchor === undefined || problems.length > 0) {
    const refusing = !enrolled || !keyMatches;
    return { ...nothing, findings: [refusedCertificate(problems[0] ?? '', problems.slice(1), path, refusing)] };
  }
  return {
    findings: [passed('tpm.key.certificate', SUBJECT, nameInWords(leaf.subject))],
    path,
    anchor: anchor.name,
    emulated: anchor.emulated === true,
    collateral: path.map(({ notAfter, notBefore, subject }) => ({
      item: `AK certificate ${nameInWords(subject)}`,
      issued: utc(notBefore),
      next_update: utc(notAfter),
    })),
  };
}

function refusedCertificate(
  what: string,
  others: readonly string[],
  path: readonly Certificate[],
  refusing = true,
): FindingDraft {
  return (refusing ? failed : warned)('tpm.key.certificate', {
    subject: SUBJECT,
    params: { what },
    expected: 'a current AK certificate under a root that the owner named',
    actual: path.length === 0 ? what : path.map(({ subject }) => nameInWords(subject)).join(' <- '),
    compare: { relation: 'chains-to', type: 'certificate', ...(others.length === 0 ? {} : { also: others }) },
    source: 'certificates beside the AK and tpm.ak_roots',
    origin: { kind: 'setting', key: 'tpm.ak_roots' },
  });
}
