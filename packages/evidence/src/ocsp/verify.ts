/** What an OCSP answer says about a certificate, once it is signed by one who may say so, current, and fresh. */
import { constantTimeEqual, DecodeError } from '@assay/bytes';
import { ended, notYetValid, utc } from '@assay/bytes/findings';
import {
  type Certificate,
  checkCriticalExtensions,
  checkLink,
  extensionReader,
  KeyCache,
  nameInWords,
  sameName,
  validity,
  verifySignature,
} from '../x509/index.js';
import { isAbout, keyHash } from './cert-id.js';
import { type BasicResponse, parseOcspResponse, type SingleResponse } from './response.js';

export interface OcspInput {
  readonly response: Uint8Array;
  readonly certificate: Certificate;
  /** The issuers from the certificate's own to the root, verified by the caller. */
  readonly issuers: readonly Certificate[];
  /** What the answer must repeat; undefined: not asked. */
  readonly nonce?: Uint8Array;
  readonly now: Date;
  readonly clock: string;
}

/** A status that may be believed, or one line that says why there is none. */
export type OcspResult =
  | {
      readonly status: SingleResponse['status'];
      readonly revokedAt?: Date;
      readonly thisUpdate: Date;
      readonly nextUpdate?: Date;
    }
  | { readonly problem: string };

/** An answer is made after it was asked for, by a clock that is not ours. */
const CLOCK_DIFFERENCE = 5 * 60_000;
/** How long an answer counts that does not say when the next one is due. */
const LONGEST_LIFE = 24 * 3_600_000;
const EXTENDED_KEY_USAGE = '2.5.29.37';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

/** Verifies one answer (RFC 6960 section 3.2). Never throws for what it may hold. */
export function verifyOcsp(input: OcspInput): OcspResult {
  try {
    return verify(input);
  } catch (error) {
    if (error instanceof DecodeError) return { problem: error.message };
    throw error;
  }
}

function verify({ certificate, clock, issuers, nonce, now, response }: OcspInput): OcspResult {
  const basic = parseOcspResponse(response);
  const [issuer] = issuers;
  if (issuer === undefined) return { problem: 'the issuer is not at hand' };
  if (nonce !== undefined && (basic.nonce === undefined || !constantTimeEqual(basic.nonce, nonce))) {
    return { problem: 'it does not repeat the nonce of the request' };
  }
  const unauthorised = signatureProblem(basic, issuers, now);
  if (unauthorised !== undefined) return { problem: unauthorised };
  const about = basic.responses.filter(({ id }) => isAbout(id, certificate, issuer));
  const [single] = about;
  if (single === undefined || about.length > 1)
    return { problem: `it has ${about.length} entries about the certificate` };
  const { thisUpdate, nextUpdate = new Date(thisUpdate.getTime() + LONGEST_LIFE) } = single;
  if (thisUpdate.getTime() > now.getTime() + CLOCK_DIFFERENCE) return { problem: notYetValid(thisUpdate, now, clock) };
  if (nextUpdate < now) return { problem: ended(nextUpdate, now, clock) };
  const { status, revokedAt } = single;
  return {
    status,
    ...(revokedAt === undefined ? {} : { revokedAt }),
    thisUpdate,
    nextUpdate,
  };
}

/** The issuer itself, or one whom it, or a CA above it, authorised to sign OCSP answers. */
function signatureProblem(basic: BasicResponse, issuers: readonly Certificate[], now: Date): string | undefined {
  const [issuer] = issuers as readonly [Certificate];
  const delegates = basic.certificates.filter((candidate) => delegateProblem(candidate, issuers, now) === undefined);
  const responders = [issuer, ...delegates].filter((candidate) => isResponder(basic, candidate));
  if (responders.length === 0) {
    const [offered] = basic.certificates;
    const why = offered === undefined ? undefined : delegateProblem(offered, issuers, now);
    return `its responder may not speak for ${nameInWords(issuer.subject)}${why === undefined ? '' : `: ${why}`}`;
  }
  // Keys of responders change often: they go into no shared cache.
  const keys = new KeyCache(0);
  const verifies = responders.some(({ publicKey }) =>
    verifySignature(basic.signatureAlgorithm.name, basic.tbs, basic.signature, publicKey, keys),
  );
  return verifies ? undefined : 'its signature does not verify';
}

function delegateProblem(candidate: Certificate, issuers: readonly Certificate[], now: Date): string | undefined {
  const authority = issuers.find(({ subject }) => sameName(subject, candidate.issuer));
  if (authority === undefined) return 'it is issued by another';
  const [broken] = [...checkLink(candidate, authority, 0), ...checkCriticalExtensions(candidate, [EXTENDED_KEY_USAGE])];
  if (broken !== undefined) return broken.text;
  if (!extendedKeyUsages(candidate).includes(OCSP_SIGNING)) return 'it is not for OCSP signing';
  return validity(candidate.notBefore, candidate.notAfter, now) === 'within'
    ? undefined
    : `it is valid from ${utc(candidate.notBefore)} to ${utc(candidate.notAfter)}`;
}

function extendedKeyUsages({ extensions }: Certificate): string[] {
  const reader = extensionReader(extensions, EXTENDED_KEY_USAGE);
  const usages: string[] = [];
  for (const list = reader?.sequence(); list !== undefined && !list.atEnd; ) usages.push(list.oid());
  return usages;
}

function isResponder({ responder }: BasicResponse, certificate: Certificate): boolean {
  if ('name' in responder) return sameName(responder.name, certificate.subject);
  return Buffer.compare(responder.keyHash, keyHash(certificate)) === 0;
}
