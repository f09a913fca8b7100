/** The AK certificate of Azure: optional, for the key is bound by the hardware report; a certificate must not contradict it. */
import { DecodeError } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { type AttestationKey, akName } from '../tpm/key/ak.js';
import {
  type AkCertificateExamination,
  type AkRoots,
  examineAkCertificate,
  parseAkCertificates,
} from '../tpm/key/certificate.js';
import { type Certificate, nameInWords } from '../x509/index.js';

export interface AzAkCertificate {
  readonly finding: FindingDraft;
  readonly leaf?: Certificate;
  readonly examination?: AkCertificateExamination;
}

const SUBJECT = 'AK certificate';

/** @param bytes leaf first, in PEM or DER, with the zeros of the NV index behind it */
export function checkAkCertificate(
  bytes: Uint8Array | undefined,
  ak: AttestationKey | undefined,
  roots: AkRoots,
  now: Date,
): AzAkCertificate {
  if (bytes === undefined)
    return { finding: notChecked('az.ak.certificate', 'no AK certificate came', { subject: SUBJECT }) };
  if (ak === undefined) {
    const why = 'not compared: the runtime data have no key';
    return { finding: notChecked('az.ak.certificate', why, { subject: SUBJECT }) };
  }
  try {
    const [leaf, ...others] = parseAkCertificates(bytes);
    const examination = examineAkCertificate(leaf, others, ak.spki, roots, now);
    const [first, ...more] = roots.anchors.length === 0 ? [] : examination.problems;
    if (!examination.keyMatches) {
      return { finding: refused('it is for another key than HCLAkPub', ak, []), leaf, examination };
    }
    if (first !== undefined) return { finding: refused(first, ak, more), leaf, examination };
    if (roots.anchors.length > 0) {
      return { finding: passed('az.ak.certificate', SUBJECT, nameInWords(leaf.subject)), leaf, examination };
    }
    const why = 'of HCLAkPub; its chain is not judged: azure.ak_roots names no root';
    const actual = nameInWords(leaf.subject);
    return { finding: notChecked('az.ak.certificate', why, { subject: SUBJECT, actual }), leaf, examination };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { finding: refused(error.reason, ak, []) };
  }
}

function refused(what: string, ak: AttestationKey, also: readonly string[]): FindingDraft {
  return failed('az.ak.certificate', {
    subject: SUBJECT,
    params: { what },
    expected: akName(ak),
    actual: what,
    compare: { relation: 'chains-to', type: 'certificate', ...(also.length === 0 ? {} : { also }) },
    source: 'HCLAkPub of the runtime data, and azure.ak_roots',
    origin: { kind: 'setting', key: 'azure.ak_roots' },
  });
}
