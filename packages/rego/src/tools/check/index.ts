/** The linter. */
import { type RegoDiagnostic, RegoErrors } from '../../ast/errors.js';
import type { Module } from '../../ast/types.js';
import { pureBuiltins } from '../../builtins/pure.js';
import type { Builtin } from '../../builtins/types.js';
import { T } from '../../builtins/types.js';
import { type CompileOptions, compilePolicy, type HostFunction, type Source } from '../../eval/policy.js';
import { parseModule } from '../../parser/index.js';
import { checkComparisons } from './comparisons.js';
import type { CheckFinding, Purpose } from './finding.js';
import { checkNames } from './names.js';
import { checkTrusteeProfile } from './trustee.js';

export type { CheckCode, CheckFinding, Purpose } from './finding.js';
export { TRUST_CLAIMS } from './names.js';

export interface CheckOptions extends CompileOptions {
  readonly purpose?: Purpose;
  /** Also report what the engine of Trustee would refuse. */
  readonly trusteeProfile?: boolean;
}

/** The extension that attestation policies are given. */
const QUERY_REFERENCE_VALUE: HostFunction = { name: 'query_reference_value', args: [T.string] };

/**
 * Checks modules: that they parse and compile, what strict mode would refuse, and the traps of attestation and resource
 * policies. Never throws for what a text holds; everything is a finding, in source order.
 */
export function check(sources: readonly Source[], options: CheckOptions = {}): readonly CheckFinding[] {
  const found: CheckFinding[] = [];
  const modules: Module[] = [];
  const { regoVersion = 'v1' } = options;
  for (const { file, text } of sources) {
    attempt(() => modules.push(parseModule(text, { file, regoVersion })), 'syntax', 'error', found);
  }
  const builtins = options.builtins ?? pureBuiltins;
  const hostFunctions = [
    ...(options.purpose === 'attestation' ? [QUERY_REFERENCE_VALUE] : []),
    ...(options.hostFunctions ?? []),
  ];
  if (modules.length === sources.length) compileFindings(modules, builtins, { ...options, hostFunctions }, found);
  const names = new Set(builtins.map((builtin) => builtin.name));
  for (const module of modules) {
    if (options.purpose !== undefined) found.push(...checkNames(module, options.purpose));
    found.push(...checkComparisons(module));
    if (options.trusteeProfile === true) found.push(...checkTrusteeProfile(module, (name) => names.has(name)));
  }
  return found.sort((a, b) =>
    a.loc.file === b.loc.file ? a.loc.offset - b.loc.offset : a.loc.file < b.loc.file ? -1 : 1,
  );
}

function compileFindings(
  modules: readonly Module[],
  builtins: readonly Builtin[],
  options: CompileOptions,
  found: CheckFinding[],
): void {
  const before = found.length;
  attempt(() => compilePolicy(modules, builtins, options), 'compile', 'error', found);
  if (found.length > before || options.strict === true) return;
  attempt(() => compilePolicy(modules, builtins, { ...options, strict: true }), 'strict', 'warning', found);
}

function attempt(
  run: () => unknown,
  code: 'syntax' | 'compile' | 'strict',
  severity: CheckFinding['severity'],
  found: CheckFinding[],
): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof RegoErrors)) throw error;
    for (const diagnostic of error.errors) found.push({ code, severity, ...describe(diagnostic, code) });
  }
}

function describe(
  { code, message, loc }: RegoDiagnostic,
  stage: 'syntax' | 'compile' | 'strict',
): Pick<CheckFinding, 'message' | 'remedy' | 'loc'> {
  const remedy =
    stage === 'strict'
      ? 'strict mode would refuse this: remove what is unused, rename what hides something'
      : 'correct the text';
  return { message: `${code}: ${message}`, remedy, loc };
}
