/** Rules of the owner that SGX and TDX have alike: both are judged by Intel's TCB info. */
import type { DcapVerifierOptions, TcbStatus } from '@assay/evidence/dcap';
import { TCB_STATUSES } from '@assay/evidence/dcap';
import Type, { type Static } from 'typebox';
import { Count, Flag } from '../field.js';
import type { Loosened } from './loosened.js';

const STATUSES = TCB_STATUSES.filter((status) => status !== 'Revoked');

/** Settings of one DCAP TEE. @param guest `TD` or `enclave` */
export const dcapSettings = (guest: string) => ({
  debug_allowed: Flag(
    `Accept a ${guest} in debug, whose memory the host can read. Claims and a warning still say so; for development only.`,
    false,
  ),
  accepted_tcb_statuses: Type.Optional(
    Type.Array(Type.Enum(STATUSES), {
      description: `TCB statuses that are accepted; others are refused before any policy. Without it each is left to policy but \`Revoked\`, which is always refused. Of: ${STATUSES.map((status) => `\`${status}\``).join(', ')}.`,
    }),
  ),
  accepted_advisories: Type.Optional(
    Type.Array(
      Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', examples: ['an advisory like `INTEL-SA-00586`'] }),
      {
        description:
          'Intel advisories that are accepted where the TCB level reached names some; a level with others is refused. Without it policy judges `advisory_ids`.',
      },
    ),
  ),
  minimum_evaluation: Count(
    'Least TCB evaluation number of TCB info and QE identity; 0 asks for none.',
    0,
    0,
    2 ** 31 - 1,
  ),
  ending_within: Count(
    'Hours before the end of the first item of the collateral from which a verdict warns of it.',
    24,
    0,
    8760,
  ),
});

type DcapSettings = Static<Type.TObject<ReturnType<typeof dcapSettings>>>;

const HOUR = 3_600_000;

/** What the verifiers of `@assay/evidence` take. */
export function dcapRules(settings: DcapSettings): DcapVerifierOptions {
  const { accepted_advisories: advisories, accepted_tcb_statuses: statuses, minimum_evaluation: least } = settings;
  return {
    endingWithin: settings.ending_within * HOUR,
    ...(least === 0 ? {} : { minimumEvaluation: least }),
    ...(statuses === undefined ? {} : { acceptedStatuses: statuses as TcbStatus[] }),
    ...(advisories === undefined ? {} : { acceptedAdvisories: advisories }),
  };
}

/** @param guest `TD` or `enclave` */
export function loosenedDcap(settings: DcapSettings, guest: string): Loosened[] {
  if (!settings.debug_allowed) return [];
  return [{ key: 'debug_allowed', actual: true, why: `the host can read the memory of a ${guest} that is accepted` }];
}
