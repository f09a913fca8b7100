/** Pre-attestation of AMD SEV and SEV-ES: its listener, trust anchors and rules. */
import { readFileSync } from 'node:fs';
import { assayError } from '@assay/bytes/findings';
import { sevTrust } from '@assay/evidence/sev';
import type { SevConfig } from '@assay/kbs';
import Type, { type Static } from 'typebox';
import { Count, Flag, OptionalText, section, Texts } from '../field.js';
import type { Loosened } from './loosened.js';

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';

export const SevSettings = section(
  'Pre-attestation of AMD SEV and SEV-ES guests, as simple-kbs spoke it. Off unless it has an address.',
  {
    listen: OptionalText(
      'Address on which `keybroker.KeyBrokerService` (gRPC) is served to Kata shims and to guests with a connection. Without it SEV pre-attestation is off.',
      { examples: ['0.0.0.0:44444'] },
    ),
    tls: Flag(
      'Serve that address with the certificate of `http`. The shims of Confidential Containers speak plain text: secrets are encrypted to the launch all the same, ids are not.',
      false,
    ),
    emulated_ark: Texts(
      'ARK files (AMD’s form, not X.509) of emulated platforms. Launches under them prove nothing: claims say `emulated`. For development only.',
    ),
    require_es: Flag('Refuse guests without encrypted register state: only SEV-ES, policy bit 2.', false),
    debug_allowed: Flag(
      'Accept guest policies without NODBG, whose memory the host can read. Claims still say so; for development only.',
      false,
    ),
    key_sharing_allowed: Flag(
      'Accept guest policies without NOKS, which lets a guest share its key with others.',
      false,
    ),
    min_api: Type.Optional(
      Type.String({
        pattern: `^${OCTET}\\.${OCTET}$`,
        examples: ['a version like `1.51`'],
        description:
          'Least API version of the SEV firmware, `1.51`. Below 0.17 nothing is accepted, whatever stands here.',
      }),
    ),
    session_timeout: Count('Seconds from GetBundle to GetSecret.', 300, 10, 300),
    sessions: Count('Launch sessions that may be open at one time, over all replicas.', 1000, 1, 1000),
    sessions_per_platform: Count(
      'Of these, sessions of one platform. Chains are no secret: nobody may use all sessions up with the chain of another.',
      100,
      1,
      1000,
    ),
    connection_hours: Count('Hours after its launch that a guest may ask for secrets online.', 720, 1, 87_600),
  },
);

type SevSection = Static<typeof SevSettings>;

/** What the broker takes; files are read here, once. @throws AssayError `config.file.form` */
export function sevConfig(settings: SevSection): SevConfig {
  const [major = 0, minor = 0] = (settings.min_api ?? '').split('.').map(Number);
  return {
    trust: trustOf(settings.emulated_ark),
    rules: {
      requireEs: settings.require_es,
      allowDebug: settings.debug_allowed,
      allowKeySharing: settings.key_sharing_allowed,
    },
    ...(settings.min_api === undefined ? {} : { minApi: { major, minor } }),
    sessionSeconds: settings.session_timeout,
    sessions: settings.sessions,
    sessionsPerPlatform: settings.sessions_per_platform,
    connectionHours: settings.connection_hours,
  };
}

export function loosenedSev(settings: SevSection): readonly Loosened[] {
  const { emulated_ark: arks, debug_allowed: debug, key_sharing_allowed: sharing } = settings;
  return [
    ...(arks.length === 0
      ? []
      : [
          {
            key: 'emulated_ark',
            actual: arks,
            why: 'launches on emulated platforms are accepted as authentic; they prove nothing',
          },
        ]),
    ...(debug
      ? [{ key: 'debug_allowed', actual: true, why: 'the host can read the memory of a guest that is accepted' }]
      : []),
    ...(sharing
      ? [{ key: 'key_sharing_allowed', actual: true, why: 'a guest that is accepted may share its key with others' }]
      : []),
  ];
}

function trustOf(paths: readonly string[]): SevConfig['trust'] {
  const anchors = sevTrust().anchors;
  return { anchors: [...anchors, ...paths.flatMap(readArk)] };
}

function readArk(path: string): SevConfig['trust']['anchors'] {
  try {
    return sevTrust([new Uint8Array(readFileSync(path))]).anchors.filter(({ emulated }) => emulated === true);
  } catch (error) {
    const actual = `${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
    throw assayError('config.file.form', {
      params: { file: 'settings', line: '', key: 'sev.emulated_ark', actual, expected: 'an ARK file is wanted' },
      cause: error,
    });
  }
}
