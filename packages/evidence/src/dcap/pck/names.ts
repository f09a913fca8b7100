/** Common names that Intel's certificates carry; each kind may stand only in its own place. */
import { type Certificate, nameInWords } from '../../x509/index.js';

export type PckCa = 'platform' | 'processor';

export const ROOT_NAME = 'Intel SGX Root CA';
export const CA_NAMES: Readonly<Record<PckCa, string>> = {
  platform: 'Intel SGX PCK Platform CA',
  processor: 'Intel SGX PCK Processor CA',
};
export const PCK_PHRASE = 'SGX PCK Certificate';
export const TCB_SIGNER_PHRASE = 'SGX TCB Signing';

/** Which of the two CAs a certificate is, by its exact common name. */
export function pckCaOf(certificate: Certificate): PckCa | undefined {
  const { commonName } = certificate.subject;
  if (commonName === CA_NAMES.platform) return 'platform';
  return commonName === CA_NAMES.processor ? 'processor' : undefined;
}

export function isRootName(certificate: Certificate): boolean {
  return certificate.subject.commonName === ROOT_NAME;
}

export function isPckName(certificate: Certificate): boolean {
  return certificate.subject.commonName?.includes(PCK_PHRASE) === true;
}

export function isTcbSignerName(certificate: Certificate): boolean {
  return certificate.subject.commonName?.includes(TCB_SIGNER_PHRASE) === true;
}

/** `certificate "Intel SGX Root CA"`. */
export function named(certificate: Certificate): string {
  return `certificate "${nameInWords(certificate.subject)}"`;
}
