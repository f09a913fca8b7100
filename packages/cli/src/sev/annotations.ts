/** The annotations by which a pod asks Kata Containers for SEV pre-attestation (release CC-0.5.0), and what is wrong with them. */
import { type FindingDraft, failed, nearestName, passed, warned } from '@assay/bytes/findings';
import { checkSevPolicy, readSevPolicy, type SevPolicyBit } from '@assay/evidence/sev';

const PREFIX = 'io.katacontainers.config.';
export const ANNOTATIONS = {
  enabled: `${PREFIX}pre_attestation.enabled`,
  uri: `${PREFIX}pre_attestation.uri`,
  policy: `${PREFIX}sev.policy`,
} as const;

/** Spellings with the prefix of the TOML key, which Kata reads over. */
const DEAD: Readonly<Record<string, string>> = {
  [`${PREFIX}guest_pre_attestation.enabled`]: ANNOTATIONS.enabled,
  [`${PREFIX}guest_pre_attestation.uri`]: ANNOTATIONS.uri,
  [`${PREFIX}guest_pre_attestation_kbs_uri`]: ANNOTATIONS.uri,
  [`${PREFIX}guest_pre_attestation`]: ANNOTATIONS.enabled,
  [`${PREFIX}pre_attestation.kbs_uri`]: ANNOTATIONS.uri,
  [`${PREFIX}sev_guest_policy`]: ANNOTATIONS.policy,
  [`${PREFIX}sev.guest_policy`]: ANNOTATIONS.policy,
};

/** What Go's `strconv.ParseBool` takes. */
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];
const U32 = 0xffff_ffff;

/** What the annotations ask for; a member is absent where Kata's own configuration decides. */
export interface ResolvedSev {
  readonly enabled?: boolean;
  readonly uri?: string;
  readonly policy?: { readonly value: number; readonly names: readonly SevPolicyBit[] };
}

export interface Linted {
  readonly findings: readonly FindingDraft[];
  readonly resolved: ResolvedSev;
}

/** Judges the annotations of one pod. @param where the pod, for findings */
export function lintAnnotations(annotations: Readonly<Record<string, unknown>>, where: string): Linted {
  const findings = Object.keys(annotations).flatMap((name) => strangeName(name, where));
  const enabled = judged(annotations, 'enabled', where, findings, readBoolean);
  const uri = judged(annotations, 'uri', where, findings, readUri);
  const policy = judged(annotations, 'policy', where, findings, readUnsigned);
  if (policy !== undefined) findings.push(...checkSevPolicy(policy).map((finding) => at(finding, where)));
  return {
    findings,
    resolved: {
      ...(enabled === undefined ? {} : { enabled }),
      ...(uri === undefined ? {} : { uri }),
      ...(policy === undefined ? {} : { policy: { value: policy, names: readSevPolicy(policy).names } }),
    },
  };
}

/** The three annotations of given settings. */
export function annotationsOf(settings: { enabled: boolean; uri: string; policy: number }): Record<string, string> {
  return {
    [ANNOTATIONS.enabled]: String(settings.enabled),
    [ANNOTATIONS.uri]: settings.uri,
    [ANNOTATIONS.policy]: String(settings.policy),
  };
}

/** Why a text is no address of a key broker; undefined for a good one. */
export function faultOfUri(text: string): string | undefined {
  return typeof readUri(text) === 'string' ? undefined : (readUri(text) as Fault).expected;
}

interface Fault {
  readonly expected: string;
}

function strangeName(name: string, where: string): FindingDraft[] {
  const known: readonly string[] = Object.values(ANNOTATIONS);
  if (!name.startsWith(PREFIX) || known.includes(name)) return [];
  const dead = Object.hasOwn(DEAD, name) ? DEAD[name] : undefined;
  // Kata has many annotations: only names that are about this are looked at.
  const near = /attest|sev/i.test(name.slice(PREFIX.length)) ? nearestName(name, known) : undefined;
  const meant = dead ?? near;
  if (meant === undefined) return [];
  return [
    warned('sev.annotation.name', {
      subject: where,
      params: { actual: name, expected: meant },
      expected: meant,
      actual: name,
      source: 'Kata Containers CC-0.5.0: annotations of the SEV runtime',
      origin: { kind: 'spec', document: 'Kata Containers CC-0.5.0' },
    }),
  ];
}

function judged<T>(
  annotations: Readonly<Record<string, unknown>>,
  which: keyof typeof ANNOTATIONS,
  where: string,
  findings: FindingDraft[],
  read: (text: string) => T | Fault,
): T | undefined {
  const name = ANNOTATIONS[which];
  if (!Object.hasOwn(annotations, name)) return undefined;
  const value = annotations[name];
  const result = typeof value === 'string' ? read(value) : { expected: 'Kubernetes takes texts only: quote it' };
  if (!isFault(result)) {
    findings.push(passed('sev.annotation.value', `${where} ${name}`, String(value)));
    return result;
  }
  const actual = JSON.stringify(value)?.slice(0, 60) ?? 'absent';
  findings.push(
    failed('sev.annotation.value', {
      subject: `${where} ${name}`,
      params: { name, actual, expected: result.expected },
      expected: result.expected,
      actual,
      source: 'Kata Containers CC-0.5.0: annotations of the SEV runtime',
      origin: { kind: 'spec', document: 'Kata Containers CC-0.5.0' },
    }),
  );
  return undefined;
}

function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'expected' in value;
}

function readBoolean(text: string): boolean | Fault {
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : { expected: '"true" or "false" is due' };
}

function readUri(text: string): string | Fault {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? 0);
  if (match !== null && port >= 1 && port <= 65535) return text;
  return { expected: 'HOST:PORT without a scheme is due, as 10.0.0.5:44444' };
}

function readUnsigned(text: string): number | Fault {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= U32 ? value : { expected: 'an unsigned decimal number of 32 bits is due, as 3 or 7' };
}

function at(finding: FindingDraft, where: string): FindingDraft {
  return { ...finding, subject: `${where} ${ANNOTATIONS.policy}` };
}
