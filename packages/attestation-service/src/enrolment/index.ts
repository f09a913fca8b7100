/** Enrolment of attestation keys of TPMs. */
export {
  AkEnrolment,
  type EnrolmentChallenge,
  type EnrolmentOptions,
  type EnrolmentRequest,
  enrolmentBytes,
} from './enrolment.js';
export { AttestationKeys, type AttestationKeysOptions, type KeyIdentity } from './keys.js';
export type { EndorsementIdentity, EnrolledKey, EnrolmentActor, Revocation } from './records.js';
