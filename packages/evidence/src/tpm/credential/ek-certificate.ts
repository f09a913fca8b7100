/** The endorsement key certificate of a TPM's maker (TCG EK Credential Profile, section 3.2; RFC 5280 section 6). */
import { DecodeError } from '@assay/bytes';
import {
  type Certificate,
  checkCriticalExtensions,
  checkEndEntity,
  checkLink,
  extensionReader,
  nameInWords,
  sameName,
  validity,
} from '../../x509/index.js';
import { readName } from '../../x509/name.js';
import { isGoogleKey } from '../key/google.js';
import { type PublicArea, rsaKeyOf, spkiOf } from '../structures/index.js';

/** What keeps a certificate from vouching for an endorsement key. */
export interface EkProblem {
  readonly kind: 'key' | 'purpose' | 'path' | 'trust' | 'dates';
  /** One line: what was found, what was wanted. */
  readonly text: string;
}

export interface EkCertificateInput {
  readonly endorsementKey: PublicArea;
  readonly certificate: Certificate;
  /** Certificates between it and the anchors, of any origin and in any order. */
  readonly intermediates: readonly Certificate[];
  /** CAs that the owner trusts to certify TPMs. Any certificate may be one, self-issued or not. */
  readonly anchors: readonly Certificate[];
  readonly at: Date;
}

export interface EkCertificateResult {
  /** Empty: the certificate vouches for the key. */
  readonly problems: readonly EkProblem[];
  /** The owner's CA at the end of the path. */
  readonly anchor: Certificate | undefined;
  /** Maker, model and version of the TPM, as the certificate's alternative name has them. */
  readonly device: { readonly manufacturer?: string; readonly model?: string; readonly version?: string };
}

/** tcg-kp-EKCertificate. */
const EK_PURPOSE = '2.23.133.8.1';
const RSAES_OAEP = 'unknown 1.2.840.113549.1.1.7';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const DEVICE = { manufacturer: '2.23.133.2.1', model: '2.23.133.2.2', version: '2.23.133.2.3' } as const;
/** EK, two intermediate CAs of the makers known, and as many again. */
const LONGEST_PATH = 6;

/** Asks everything about an endorsement key certificate but its revocation. */
export function verifyEkCertificate(input: EkCertificateInput): EkCertificateResult {
  const { certificate, endorsementKey } = input;
  const path = pathOf(input);
  const anchor = path === undefined ? undefined : path.at(-1);
  const problems: EkProblem[] = [
    ...keyProblems(certificate, endorsementKey),
    ...purposeProblems(certificate, endorsementKey),
    ...(path === undefined ? [untrusted(input)] : pathProblems(path, input.at)),
  ];
  return { problems, anchor, device: deviceOf(certificate) };
}

function keyProblems(certificate: Certificate, area: PublicArea): EkProblem[] {
  const { der, key, type } = certificate.publicKey;
  const same = Buffer.compare(der, spkiOf(area)) === 0;
  // The first profiles wrote a key for OAEP with that as its algorithm: the numbers are the key.
  const oaep = area.type === 'rsa' && type === RSAES_OAEP && Buffer.compare(key, rsaKeyOf(area)) === 0;
  return same || oaep ? [] : [{ kind: 'key', text: 'EK certificate is of another key than the EK public area' }];
}

function purposeProblems(certificate: Certificate, area: PublicArea): EkProblem[] {
  const problems: EkProblem[] = checkEndEntity(certificate).map(({ text }) => ({ kind: 'purpose', text }));
  if (!purposes(certificate).includes(EK_PURPOSE) && !isGoogleKey(certificate, 'endorsement')) {
    problems.push({ kind: 'purpose', text: `EK certificate lacks the purpose tcg-kp-EKCertificate (${EK_PURPOSE})` });
  }
  const usage = area.type === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.has(usage)) {
    problems.push({ kind: 'purpose', text: `EK certificate's key usage lacks ${usage}` });
  }
  return problems;
}

/** A path to an anchor, leaf first; the first one whose names and signatures fit. */
function pathOf({ certificate, intermediates, anchors }: EkCertificateInput): readonly Certificate[] | undefined {
  const extend = (path: readonly Certificate[]): readonly Certificate[] | undefined => {
    const last = path.at(-1);
    if (last === undefined || path.length > LONGEST_PATH) return undefined;
    const anchor = anchors.find((candidate) => issued(candidate, last));
    if (anchor !== undefined) return [...path, anchor];
    for (const issuer of intermediates) {
      if (path.includes(issuer) || !issued(issuer, last)) continue;
      const found = extend([...path, issuer]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return extend([certificate]);
}

function issued(issuer: Certificate, child: Certificate): boolean {
  const problems = checkLink(child, issuer, 0);
  return sameName(issuer.subject, child.issuer) && !problems.some(({ kind }) => kind === 'signature');
}

function pathProblems(path: readonly Certificate[], at: Date): EkProblem[] {
  return path.flatMap((certificate, index): EkProblem[] => {
    const issuer = path[index + 1];
    const links = issuer === undefined ? [] : checkLink(certificate, issuer, index);
    const critical = checkCriticalExtensions(certificate, [SUBJECT_ALTERNATIVE_NAME, EXTENDED_KEY_USAGE]);
    return [
      ...[...links, ...critical].map(({ text }): EkProblem => ({ kind: 'path', text })),
      ...dateProblems(certificate, at),
    ];
  });
}

function dateProblems(certificate: Certificate, at: Date): EkProblem[] {
  const when = validity(certificate.notBefore, certificate.notAfter, at);
  if (when === 'within') return [];
  const text =
    when === 'before'
      ? `is not valid before ${certificate.notBefore.toISOString()}`
      : `ended on ${certificate.notAfter.toISOString()}`;
  return [{ kind: 'dates', text: `${nameInWords(certificate.subject)} ${text}` }];
}

function untrusted({ certificate, anchors }: EkCertificateInput): EkProblem {
  const trusted = anchors.length === 0 ? 'none is' : anchors.map(({ subject }) => nameInWords(subject)).join(', ');
  return {
    kind: 'trust',
    text: `EK certificate's issuer ${nameInWords(certificate.issuer)} leads to no trusted CA; trusted: ${trusted}`,
  };
}

function purposes(certificate: Certificate): readonly string[] {
  return reading([], () => {
    const usages = extensionReader(certificate.extensions, EXTENDED_KEY_USAGE)?.sequence();
    const found: string[] = [];
    while (usages !== undefined && !usages.atEnd) found.push(usages.oid());
    return found;
  });
}

/** The directory name among the alternative names. */
function deviceOf(certificate: Certificate): EkCertificateResult['device'] {
  return reading({}, () => {
    const names = extensionReader(certificate.extensions, SUBJECT_ALTERNATIVE_NAME)?.sequence();
    while (names !== undefined && !names.atEnd) {
      const directory = names.explicit(4);
      if (directory === undefined) {
        names.any();
        continue;
      }
      const { attributes } = readName(directory);
      const entries = Object.entries(DEVICE).flatMap(([member, oid]) => {
        const text = attributes.find(({ type }) => type === oid)?.text;
        return text === undefined ? [] : [[member, text.slice(0, 64)]];
      });
      return Object.fromEntries(entries) as EkCertificateResult['device'];
    }
    return {};
  });
}

/** What a damaged extension says counts as nothing. */
function reading<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return otherwise;
    throw error;
  }
}
