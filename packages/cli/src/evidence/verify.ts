import { readFileSync } from 'node:fs';
import { decodeHex, isJsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict, renderTerminal } from '@assay/bytes/findings';
import { outputOf } from '../command.js';
import type { VerifyFlags } from '../commands/verify.js';
import { CliError, EXIT, type ExitCode } from '../exit.js';
import { readJsonFile } from '../files.js';
import { type EvidenceKind, type EvidenceResult, evidenceKinds } from './kinds.js';

/** `assay verify KIND`. */
export async function verifyEvidence(name: string, flags: VerifyFlags): Promise<void> {
  const kind = evidenceKinds[name];
  if (kind === undefined) {
    throw new CliError(`no verifier for \`${name}\` in this release`, EXIT.usage, {
      hint: `there are ${Object.keys(evidenceKinds).join(', ')}`,
    });
  }
  const verified = await kind.verify(filesOf(name, kind, flags.file), {
    at: flags.at === undefined ? new Date() : timeOf(flags.at),
    asOf: flags.at !== undefined,
    ...(flags.root === undefined ? {} : { roots: flags.root.map((path) => new Uint8Array(readFileSync(path))) }),
    ...(flags.reportData === undefined ? {} : { reportData: hexOf('--report-data', flags.reportData) }),
    ...(flags.initDataDigest === undefined
      ? {}
      : { initDataDigest: hexOf('--init-data-digest', flags.initDataDigest) }),
  });
  const result = flags.policy === undefined ? verified : await withPolicy(name, kind, verified, flags);
  outputOf(flags).result(result, (out) =>
    out.write(
      renderTerminal(result, {
        columns: out.width,
        unicode: out.unicode,
        color: out.colour,
        mode: flags.all === true ? 'all' : 'short',
        ...(flags.why === undefined ? {} : { why: flags.why }),
        ...(flags.full === undefined ? {} : { full: flags.full }),
      }),
    ),
  );
  process.exitCode = exitOf(result);
}

function filesOf(name: string, kind: EvidenceKind, given: readonly string[]): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const one of given) {
    const equals = one.indexOf('=');
    const role = one.slice(0, Math.max(0, equals));
    if (!kind.roles.includes(role)) {
      throw new CliError(`--file ${one}: \`${role}\` is not a role of ${name}`, EXIT.usage, {
        hint: `roles are ${kind.roles.join(', ')}`,
      });
    }
    if (files[role] !== undefined) throw new CliError(`--file ${role} is given twice`, EXIT.usage);
    files[role] = new Uint8Array(readFileSync(one.slice(equals + 1)));
  }
  const needs = kind.needs ?? kind.roles.slice(0, 1);
  if (!needs.some((role) => files[role] !== undefined)) {
    const wanted = needs.map((role) => `--file ${role}=PATH`).join(' or ');
    throw new CliError(`${wanted} is missing`, EXIT.usage);
  }
  return files;
}

/** The verdict with the appraisal of the policy: its findings join, and its tier decides. */
async function withPolicy(
  name: string,
  kind: EvidenceKind,
  verified: EvidenceResult,
  flags: VerifyFlags,
): Promise<EvidenceResult> {
  const tee = kind.tee ?? kind.teeOf?.(verified);
  if (tee === undefined) throw new CliError(`no policy can be asked about ${name}`, EXIT.usage);
  if (verified.verdict !== 'accept') return verified;
  const { evaluatePolicy } = await import('@assay/attestation-service');
  const values: Record<string, JsonValue> = {};
  for (const path of flags.rv ?? []) {
    const value = readJsonFile(path);
    if (!isJsonObject(value)) throw new CliError(`${path}: an object of reference values is wanted`, EXIT.malformed);
    Object.assign(values, value);
  }
  const text = (flags.policy ?? []).map((path) => readFileSync(path, 'utf8')).join('\n');
  // `policy_claims` are the names that policies use, where they differ from the fields of the report.
  const claims = { [tee]: (verified['policy_claims'] ?? verified.claims ?? {}) as JsonValue };
  const drafted = evaluatePolicy(text, claims, values, new Date(verified.at));
  const verdict = assembleVerdict({
    kind: verified.kind,
    at: new Date(verified.at),
    asOf: flags.at !== undefined,
    asked: true,
    findings: [...verified.findings, ...drafted.findings],
    ...(verified.claims === undefined ? {} : { claims: verified.claims }),
    ...(drafted.result === undefined ? {} : { tiers: { cpu0: drafted.result.tier } }),
    referenceValues: drafted.referenceValues,
  });
  return { ...verified, ...verdict };
}

/** Exit codes follow the decision where a policy was asked, else the verdict; what could not be read is malformed. */
function exitOf(result: EvidenceResult): ExitCode {
  if (result.verdict === 'incomplete' || result.decision === 'undecided') return EXIT.unreachable;
  if (result.stages.parse === 'fail') return EXIT.malformed;
  if (result.verdict === 'reject' || result.decision === 'refuse') return EXIT.refused;
  return EXIT.done;
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}[Tt].*([Zz]|[+-]\d{2}:\d{2})$/.test(text) || Number.isNaN(time.getTime())) {
    throw new CliError(`--at: \`${text}\` is not an RFC 3339 time`, EXIT.usage, {
      hint: 'for example 2026-11-02T10:00:00Z',
    });
  }
  return time;
}

function hexOf(flag: string, text: string): Uint8Array {
  try {
    return decodeHex(text.toLowerCase());
  } catch (error) {
    throw new CliError(`${flag}: ${error instanceof Error ? error.message : 'not hex'}`, EXIT.usage, { cause: error });
  }
}
