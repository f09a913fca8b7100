/** For tests of every floor: what only they write. */
export {
  basicConstraints,
  type CertificateSpec,
  certificateExtension,
  ECDSA_SHA256,
  issueCertificate,
  selfSigned,
  type TlsIdentity,
} from './certificate.js';
