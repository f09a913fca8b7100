import { createHash } from 'node:crypto';
import { constantTimeEqual, DecodeError, decodeBase64, decodeHex, encodeBase64, encodeHex } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { nameOf, type PublicArea, parsePublic, publicKeyOf, spkiOf } from '@assay/evidence/tpm';
import {
  attestationKeyFaults,
  CredentialError,
  endorsementKeyFaults,
  makeCredential,
  verifyEkCertificate,
} from '@assay/evidence/tpm/credential';
import { type Certificate, nameInWords, parseCertificate } from '@assay/evidence/x509';
import type { Storage } from '@assay/storage';
import type { AttestationKeys } from './keys.js';
import {
  decodePending,
  type EndorsementIdentity,
  type EnrolledKey,
  type EnrolmentActor,
  encodeRecord,
  PENDING_NS,
  type PendingEnrolment,
} from './records.js';

export interface EnrolmentOptions {
  readonly keys: AttestationKeys;
  readonly storage: Storage;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  /** CAs that certify the owner's TPMs. */
  readonly anchors: readonly Certificate[];
  /** SHA-256 of SubjectPublicKeyInfos of endorsement keys that need no certificate, lower-case hex. */
  readonly trustedEndorsements: readonly string[];
  /** Days that an enrolment lasts. */
  readonly days: number;
  /** Most attestation keys of one endorsement key. */
  readonly keysPerEndorsement: number;
}

/** What a guest sends to begin with. */
export interface EnrolmentRequest {
  /** TPMT_PUBLIC of the attestation key. */
  readonly attestationKey: Uint8Array;
  /** TPMT_PUBLIC of the endorsement key. */
  readonly endorsementKey: Uint8Array;
  /** Certificate of the endorsement key in DER and, after it, CAs between it and the owner's. May be empty. */
  readonly certificates: readonly Uint8Array[];
}

/** What the guest's TPM has to open. */
export interface EnrolmentChallenge {
  readonly id: string;
  /** TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, each without its size. */
  readonly credentialBlob: Uint8Array;
  readonly encryptedSecret: Uint8Array;
  readonly expiresAt: Date;
}

/** Time for the TPM, slow ones included, to open a credential. */
const CHALLENGE_MS = 120_000;
/** EK, and CAs of its maker. */
const MOST_CERTIFICATES = 5;
const SECRET_BYTES = 32;
const ID_BYTES = 16;
const ID = /^[0-9a-f]{32}$/;
const DAY = 86_400_000;

/**
 * Enrols attestation keys: the server is the privacy CA (TPM 2.0 Library, Part 1, section 9.5.3.3).
 *
 * That a key is in the TPM which the endorsement key stands for is shown by opening a credential that was made for both.
 */
export class AkEnrolment {
  readonly #options: EnrolmentOptions;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  /**
   * Judges the keys and makes a credential for them.
   *
   * @throws AssayError `tpm.enrolment.form`, `.ak`, `.ek`, `.revoked`, `.limit`
   */
  async begin(request: EnrolmentRequest, by: EnrolmentActor): Promise<EnrolmentChallenge> {
    const { keys, storage, now, random } = this.#options;
    const ak = keyOf('ak_public', request.attestationKey);
    const ek = keyOf('ek_public', request.endorsementKey);
    const name = encodeHex(nameOf(ak));
    const [fault] = attestationKeyFaults(ak);
    if (fault !== undefined) throw assayError('tpm.enrolment.ak', { params: { name, what: fault }, actual: fault });
    const endorsement = this.#endorsed(ek, request.certificates);
    await keys.refresh();
    await keys.refuseRevoked(name, endorsement.spkiSha256);
    this.#refuseTooMany(endorsement.spkiSha256, name);
    const secret = random(SECRET_BYTES);
    const credential = credentialFor(ek, endorsement.spkiSha256, nameOf(ak), secret, random);
    const id = encodeHex(random(ID_BYTES));
    const expiresAt = new Date(now().getTime() + CHALLENGE_MS);
    const pending: PendingEnrolment = {
      name,
      spkiSha256: sha256Hex(spkiOf(ak)),
      publicArea: encodeBase64(request.attestationKey),
      endorsement,
      secretSha256: sha256Hex(secret),
      by,
    };
    await storage.put(PENDING_NS, id, encodeRecord(pending), { expiresAt: expiresAt.getTime(), ifAbsent: true });
    return { id, credentialBlob: credential.idObject, encryptedSecret: credential.encryptedSecret, expiresAt };
  }

  /**
   * Takes the opened secret, once. The key is then enrolled.
   *
   * @throws AssayError `tpm.enrolment.challenge`, `.secret`, `.revoked`, `.limit`
   */
  async finish(answer: { readonly id: string; readonly secret: Uint8Array }, by: EnrolmentActor): Promise<EnrolledKey> {
    const { keys, storage, now, days } = this.#options;
    // Taken before it is looked at: a wrong answer has used it up.
    const entry = ID.test(answer.id) ? await storage.take(PENDING_NS, answer.id) : undefined;
    if (entry === undefined) throw assayError('tpm.enrolment.challenge', { params: { id: answer.id.slice(0, 40) } });
    const pending = decodePending(entry.value, answer.id);
    const { name, spkiSha256, publicArea, endorsement } = pending;
    if (!constantTimeEqual(decodeHex(sha256Hex(answer.secret)), decodeHex(pending.secretSha256))) {
      throw assayError('tpm.enrolment.secret', { params: { name } });
    }
    await keys.refresh();
    this.#refuseTooMany(endorsement.spkiSha256, name);
    const at = now();
    const end = Math.min(at.getTime() + days * DAY, endOf(endorsement));
    const record: EnrolledKey = {
      name,
      spkiSha256,
      publicArea,
      endorsement,
      enrolledAt: at.toISOString(),
      expiresAt: new Date(end).toISOString(),
      by,
    };
    await keys.enrol(record);
    return record;
  }

  #endorsed(ek: PublicArea, certificates: readonly Uint8Array[]): EndorsementIdentity {
    const { anchors, trustedEndorsements, now } = this.#options;
    const spkiSha256 = sha256Hex(spkiOf(ek));
    const refuse = (what: string, remedy?: string): Error =>
      assayError('tpm.enrolment.ek', {
        params: { name: spkiSha256, what },
        actual: what,
        ...(remedy === undefined ? {} : { remedy }),
      });
    const [fault] = endorsementKeyFaults(ek);
    if (fault !== undefined) throw refuse(fault, 'Use the endorsement key of the TCG’s default template.');
    const [certificate, ...intermediates] = certificatesOf(certificates);
    const listed = trustedEndorsements.includes(spkiSha256);
    if (certificate === undefined) {
      if (listed) return { spkiSha256 };
      throw refuse('came without a certificate, and is not listed');
    }
    const result = verifyEkCertificate({ endorsementKey: ek, certificate, intermediates, anchors, at: now() });
    const [problem] = result.problems;
    if (problem === undefined && result.anchor !== undefined) {
      return {
        spkiSha256,
        certificate: {
          fingerprint: certificate.fingerprint,
          issuer: nameInWords(certificate.issuer),
          serial: certificate.serial,
          notAfter: certificate.notAfter.toISOString(),
          anchor: nameInWords(result.anchor.subject),
        },
        ...(Object.keys(result.device).length === 0 ? {} : { device: result.device }),
      };
    }
    // The owner knows this very key: a certificate of a CA that nobody trusts adds nothing and takes nothing away.
    if (listed) return { spkiSha256 };
    throw refuse(problem?.text ?? 'certificate leads to no trusted CA');
  }

  #refuseTooMany(endorsementSpki: string, name: string): void {
    const { keys, keysPerEndorsement: limit } = this.#options;
    const n = keys.countOf(endorsementSpki, name);
    if (n >= limit) throw assayError('tpm.enrolment.limit', { params: { name: endorsementSpki, n, limit } });
  }
}

/** A public area whose key can be used. */
function keyOf(member: string, bytes: Uint8Array): PublicArea {
  try {
    const area = parsePublic(bytes);
    publicKeyOf(area);
    return area;
  } catch (error) {
    const what = error instanceof DecodeError ? error.message : 'numbers that are no key';
    throw assayError('tpm.enrolment.form', { params: { member, what }, subject: member, cause: error });
  }
}

function certificatesOf(certificates: readonly Uint8Array[]): readonly Certificate[] {
  if (certificates.length > MOST_CERTIFICATES) {
    const what = `${certificates.length} certificates; ${MOST_CERTIFICATES} are the most`;
    throw assayError('tpm.enrolment.form', { params: { member: 'ek_certificates', what } });
  }
  return certificates.map((der, n) => {
    try {
      return parseCertificate(der);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const params = { member: `ek_certificates.${n}`, what: error.message };
      throw assayError('tpm.enrolment.form', { params, cause: error });
    }
  });
}

function credentialFor(
  ek: PublicArea,
  ekName: string,
  name: Uint8Array,
  secret: Uint8Array,
  random: (bytes: number) => Uint8Array,
): ReturnType<typeof makeCredential> {
  try {
    return makeCredential({ endorsementKey: ek, name, secret, random });
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    const what = error.message;
    const remedy = 'Use the endorsement key of the TCG’s default template.';
    throw assayError('tpm.enrolment.ek', { params: { name: ekName, what }, remedy, cause: error });
  }
}

/** No enrolment outlives the certificate that it rests on. */
function endOf({ certificate }: EndorsementIdentity): number {
  return certificate === undefined ? Number.POSITIVE_INFINITY : new Date(certificate.notAfter).getTime();
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A member of a request, from base64. @throws AssayError `tpm.enrolment.form` */
export function enrolmentBytes(member: string, text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw assayError('tpm.enrolment.form', { params: { member, what: error.message }, subject: member, cause: error });
  }
}
