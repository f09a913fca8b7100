/** From the text of a policy to a compiled module, for attestation and resource policies alike. */
import { type AssayError, assayError, reported } from '@assay/bytes/findings';
import { type CompileOptions, compile, type Module, type Policy, RegoErrors } from '@assay/rego';
import { UNTYPED } from './types.js';

/** One text, compiled. */
export interface CompiledModule {
  readonly policy: Policy;
  readonly module: Module;
  /** Names of the rules in package `policy`. */
  readonly rules: readonly string[];
}

/**
 * Compiles the text of a policy, whose rules are read from package `policy`.
 *
 * @param contract where it is written which rules are read, for the explanation
 * @throws AssayError `policy.file.parse`, with one finding for each error of the text; `policy.package.name`
 */
export function compileModule(
  file: string,
  text: string,
  contract: string,
  options: Omit<CompileOptions, 'typeCheck'> = {},
): CompiledModule {
  const policy = compiled(file, text, { ...options, ...UNTYPED });
  const [module] = policy.modules;
  if (module === undefined) throw new Error('one text gives one module');
  const rules = [...new Set(module.rules.map((rule) => rule.head.ref[0].name))];
  const name = module.package.path.join('.').replace(/^data\./, '');
  if (name !== 'policy') throw otherPackage(file, name, rules, contract);
  return { policy, module, rules };
}

function compiled(file: string, text: string, options: CompileOptions): Policy {
  try {
    return compile([{ file, text }], options);
  } catch (thrown) {
    if (thrown instanceof RegoErrors) throw doesNotCompile(file, thrown);
    throw thrown;
  }
}

function doesNotCompile(file: string, errors: RegoErrors): AssayError {
  const findings = errors.errors.map(({ code, message, loc }) =>
    reported('policy.file.parse', `${file}:${loc.row}:${loc.col}: ${code}: ${message}`, {
      subject: file,
      origin: { kind: 'policy', policy: file, location: `${file}:${loc.row}:${loc.col}` },
      source: 'Rego v1',
    }),
  );
  const [first] = errors.errors;
  return assayError('policy.file.parse', {
    params: {
      file,
      row: first?.loc.row ?? 0,
      col: first?.loc.col ?? 0,
      code: first?.code ?? 'rego_parse_error',
      message: first?.message ?? 'the text does not compile',
    },
    subject: file,
    source: 'Rego v1',
    findings,
    cause: errors,
  });
}

function otherPackage(file: string, actual: string, rules: readonly string[], contract: string): AssayError {
  return assayError('policy.package.name', {
    params: { actual, rules: rules.slice(0, 4).join(', ') },
    subject: file,
    expected: 'policy',
    actual,
    source: contract,
  });
}
