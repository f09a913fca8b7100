/** Keys of the TPMs of Google Compute Engine, whose certificates say little of what they are for. */
import { DecodeError } from '@assay/bytes';
import { type Certificate, extensionReader } from '../../x509/index.js';

/** The instance that a key belongs to. Google's CA puts it into certificates of these TPMs and into no others. */
const INSTANCE = '1.3.6.1.4.1.11129.2.1.21';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** Extended key usage of an endorsement key: tcg-kp-EKCertificate. */
const EK_CERTIFICATE = '2.23.133.8.1';

/**
 * Whether a certificate of Google's is of a key of this kind. The key usage tells: attestation keys sign, endorsement keys do anything
 * else. Certificates of 2021 call both an endorsement key in the extended key usage, later ones have none.
 */
export function isGoogleKey(certificate: Certificate, kind: 'attestation' | 'endorsement'): boolean {
  const { extensions, keyUsage } = certificate;
  if (!extensions.some(({ oid }) => oid === INSTANCE) || keyUsage === undefined) return false;
  const purposes = purposesOf(certificate);
  if (purposes !== undefined && purposes.join() !== EK_CERTIFICATE) return false;
  return keyUsage.has('digitalSignature') === (kind === 'attestation');
}

/** Undefined where the certificate names none; nothing is right about an extension that does not parse. */
function purposesOf({ extensions }: Certificate): readonly string[] | undefined {
  try {
    const list = extensionReader(extensions, EXTENDED_KEY_USAGE)?.sequence();
    if (list === undefined) return undefined;
    const purposes: string[] = [];
    while (!list.atEnd) purposes.push(list.oid());
    return purposes;
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
