/** Rules of the owner for AMD SEV-SNP. */
import { assayError } from '@assay/bytes/findings';
import { PLATFORM_FLAGS, POLICY_FLAGS, type SnpRules, TCB_COMPONENTS } from '@assay/evidence/snp';
import Type, { type Static } from 'typebox';
import { Count, Flag, section } from '../field.js';
import type { Loosened } from './loosened.js';

/** Names in settings are snake_case; those of the evidence package are not. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const inTicks = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const policyNames = POLICY_FLAGS.map(snake);
const platformNames = PLATFORM_FLAGS.map(snake);
const SWITCH = '=(on|off)$';
const DIGEST = Type.String({ pattern: '^[0-9a-f]{96}$', examples: ['SHA-384 in 96 hex digits, lower case'] });
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
/** Turin alone has the component `fmc`: elsewhere a rule for it could not be checked. */
const MINIMUM = `^((Milan|Genoa)( (${TCB_COMPONENTS.filter((name) => name !== 'fmc').join('|')})=${OCTET})+|Turin( (${TCB_COMPONENTS.join('|')})=${OCTET})+)$`;

export const SnpSettings = section('Rules for evidence of AMD SEV-SNP, judged before any policy.', {
  debug_allowed: Flag(
    'Accept guests whose policy lets the host debug them and so read their memory. Claims and a warning still say so; for development only.',
    false,
  ),
  maximum_vmpl: Count(
    'Highest VMPL that may have asked for the report. 0 is right where the guest itself runs there; under an SVSM or paravisor, and on AWS, the operating system asks from a higher one (AWS: 1).',
    0,
    0,
    3,
  ),
  migration_agents: Type.Array(
    Type.String({ pattern: '^[0-9a-f]{64}$', examples: ['REPORT_ID_MA in 64 hex digits, lower case'] }),
    {
      description:
        'REPORT_ID_MA of migration agents that may receive a guest. Without one a guest whose policy has MIGRATE_MA is refused.',
      default: [],
    },
  ),
  guest_policy: Type.Array(
    Type.String({ pattern: `^(${policyNames.join('|')})${SWITCH}`, examples: ['a flag like `smt=off`'] }),
    {
      description: `Flags of the guest policy that must be as given, \`single_socket=on\`: ${inTicks(policyNames)}.`,
      default: [],
    },
  ),
  minimum_abi: Type.Optional(
    Type.String({
      pattern: `^${OCTET}\\.${OCTET}$`,
      examples: ['a version like `1.55`'],
      description: 'Least firmware ABI that the guest policy must ask for, `1.55`.',
    }),
  ),
  minimum_tcb: Type.Array(
    Type.String({ pattern: MINIMUM, examples: ['a product with its components, `Milan snp=24 microcode=219`,'] }),
    {
      description: `Least security version numbers of REPORTED_TCB, one entry for a product: \`Milan snp=24 microcode=219\`. Products: \`Milan\`, \`Genoa\`, \`Turin\`; components: ${inTicks(TCB_COMPONENTS)}.`,
      default: [],
    },
  ),
  minimum_firmware: Type.Optional(
    Type.String({
      pattern: `^${OCTET}\\.${OCTET}\\.${OCTET}$`,
      examples: ['a version like `1.55.31`'],
      description: 'Least version of the committed firmware, `1.55.31`.',
    }),
  ),
  id_key_digests: Type.Optional(
    Type.Array(DIGEST, { description: 'SHA-384 of ID keys; a guest launched with none of them is refused.' }),
  ),
  author_key_digests: Type.Optional(
    Type.Array(DIGEST, { description: 'SHA-384 of author keys; a guest launched with none of them is refused.' }),
  ),
  platform: Type.Array(
    Type.String({ pattern: `^(${platformNames.join('|')})${SWITCH}`, examples: ['a flag like `smt=off`'] }),
    {
      description: `Flags of PLATFORM_INFO that must be as given, \`smt=off\`: ${inTicks(platformNames)}.`,
      default: [],
    },
  ),
  crl_required: Flag(
    'Accept nothing without AMD’s CRL, also where none is asked for: reports of version 2 do not name their product. A CRL that was asked for and not got always leaves the verdict incomplete.',
    false,
  ),
  ending_within: Count(
    'Hours before the end of a certificate or CRL from which a verdict warns of it. A VLEK lives for a year.',
    24,
    0,
    8760,
  ),
});

type SnpSection = Static<typeof SnpSettings>;

const HOUR = 3_600_000;

/** What the verifier of `@assay/evidence` takes. */
export function snpRules(settings: SnpSection): SnpRules {
  const { author_key_digests: author, id_key_digests: id, minimum_abi: abi, minimum_firmware: firmware } = settings;
  const [abiMajor = 0, abiMinor = 0] = numbers(abi);
  const [major = 0, minor = 0, build = 0] = numbers(firmware);
  return {
    debugAllowed: settings.debug_allowed,
    maximumVmpl: settings.maximum_vmpl as 0 | 1 | 2 | 3,
    migrationAgents: settings.migration_agents,
    ...(settings.guest_policy.length === 0
      ? {}
      : { guestPolicy: switches('guest_policy', settings.guest_policy, POLICY_FLAGS) }),
    ...(abi === undefined ? {} : { minimumAbi: { major: abiMajor, minor: abiMinor } }),
    ...(settings.minimum_tcb.length === 0 ? {} : { minimumTcb: minimumTcb(settings.minimum_tcb) }),
    ...(firmware === undefined ? {} : { minimumFirmware: { major, minor, build } }),
    ...(id === undefined ? {} : { idKeyDigests: id }),
    ...(author === undefined ? {} : { authorKeyDigests: author }),
    ...(settings.platform.length === 0 ? {} : { platform: switches('platform', settings.platform, PLATFORM_FLAGS) }),
    crlRequired: settings.crl_required,
    endingWithin: settings.ending_within * HOUR,
  };
}

export function loosenedSnp(settings: SnpSection): readonly Loosened[] {
  const { debug_allowed: debug, maximum_vmpl: vmpl, migration_agents: agents } = settings;
  return [
    ...(debug
      ? [{ key: 'debug_allowed', actual: true, why: 'the host can read the memory of a guest that is accepted' }]
      : []),
    ...(vmpl === 0
      ? []
      : [{ key: 'maximum_vmpl', actual: vmpl, why: 'whatever runs at these levels of a guest may speak for it' }]),
    ...(agents.length === 0
      ? []
      : [{ key: 'migration_agents', actual: agents, why: 'these agents may move a guest, with all of its memory' }]),
  ];
}

function numbers(version: string | undefined): number[] {
  return version === undefined ? [] : version.split('.').map(Number);
}

/** `single_socket=on` → `{ singleSocket: true }`. */
function switches<Flag extends string>(
  key: string,
  entries: readonly string[],
  flags: readonly Flag[],
): { readonly [flag in Flag]?: boolean } {
  const wanted = pairs(key, entries);
  return Object.fromEntries(
    flags.flatMap((flag) => {
      const value = wanted.get(snake(flag));
      return value === undefined ? [] : [[flag, value === 'on']];
    }),
  ) as { readonly [flag in Flag]?: boolean };
}

/** `Milan snp=24` → `{ Milan: { snp: 24 } }`. */
function minimumTcb(entries: readonly string[]): NonNullable<SnpRules['minimumTcb']> {
  const products = pairs(
    'minimum_tcb',
    entries.map((entry) => entry.replace(' ', '=')),
  );
  return Object.fromEntries(
    [...products].map(([product, components]) => {
      const numbered = pairs('minimum_tcb', components.split(' '));
      return [product, Object.fromEntries([...numbered].map(([name, value]) => [name, Number(value)]))];
    }),
  );
}

/** `NAME=VALUE`; what stands twice would hide one of two rules. @throws AssayError `config.file.form` */
function pairs(key: string, entries: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, equals);
    if (found.has(name)) {
      const expected = 'one entry for each is wanted';
      const params = { file: 'settings', line: '', key: `snp.${key}`, actual: `\`${name}\` twice`, expected };
      throw assayError('config.file.form', { params });
    }
    found.set(name, entry.slice(equals + 1));
  }
  return found;
}
