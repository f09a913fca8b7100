import { AkEnrolment, AttestationKeys, type EndorsementSource, type EnrolledKey } from '@assay/attestation-service';
import { assayError } from '@assay/bytes/findings';
import type { TrustedAks } from '@assay/evidence/tpm';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import { ekRoots } from '../config/tee/tpm-enrolment.js';
import type { World } from './state.js';

/** Attestation keys of TPMs, and how they are enrolled. */
export interface TpmServices {
  readonly keys: AttestationKeys;
  /** Absent where enrolment is switched off. */
  readonly enrolment?: AkEnrolment;
}

/** Opens the enrolled keys, and the enrolment where the settings have it on. @throws AssayError `config.file.form` */
export function openTpm(settings: Settings['tpm'], storage: Storage, world: World): TpmServices {
  const keys = new AttestationKeys({ storage, now: world.now });
  if (settings.enrolment === 'off') return { keys };
  const enrolment = new AkEnrolment({
    keys,
    storage,
    now: world.now,
    random: world.random,
    anchors: ekRoots(settings),
    trustedEndorsements: settings.trusted_eks,
    days: settings.enrolment_days,
    keysPerEndorsement: settings.aks_per_ek,
  });
  return { keys, enrolment };
}

/**
 * Where the Attestation Service is a remote one, it keeps the keys: what would be enrolled here, it would not know.
 *
 * @throws AssayError `config.file.form`
 */
export function refuseRemoteEnrolment({ attestation_service: service, tpm }: Settings): void {
  if (service.type !== 'grpc' || tpm.enrolment === 'off') return;
  const actual = `\`${tpm.enrolment}\` with a remote Attestation Service`;
  const expected = 'keys are enrolled where the Attestation Service is built in; `off` is wanted here';
  throw assayError('config.file.form', {
    params: { file: 'settings', line: '', key: 'tpm.enrolment', actual, expected },
  });
}

/** Enrolled keys as the verifier asks for them. */
export function trustedAks({ keys }: TpmServices): TrustedAks {
  return {
    find: (identity) => {
      const key = keys.trusted(identity);
      return key === undefined ? undefined : { source: sourceOf(key) };
    },
  };
}

/** Looks at storage before each quote is judged: what another replica enrolled or revoked counts from then on. */
export function withFreshKeys(source: EndorsementSource, { keys }: TpmServices): EndorsementSource {
  return {
    endorse: async (request) => {
      if (request.tee === 'tpm') await keys.refresh();
      return source.endorse(request);
    },
  };
}

function sourceOf({ by, endorsement, enrolledAt }: EnrolledKey): string {
  const who = by.subject ?? by.address ?? 'somebody';
  const why = endorsement.certificate === undefined ? 'EK listed in tpm.trusted_eks' : endorsement.certificate.anchor;
  return `enrolled ${enrolledAt.slice(0, 10)} by ${who} (${why})`;
}
