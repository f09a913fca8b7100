import { type Command, Option } from 'commander';
import { type CommonFlags, collect, command, group } from '../command.js';

export interface RegoFlags extends CommonFlags {
  readonly data?: readonly string[];
  readonly v0Compatible?: boolean;
  readonly strict?: boolean;
  readonly mode: 'opa' | 'regorus';
}

export interface EvalFlags extends RegoFlags {
  readonly input?: string;
  readonly format: 'json' | 'pretty' | 'values' | 'bindings' | 'raw';
  readonly fail?: boolean;
  readonly failDefined?: boolean;
  readonly strictBuiltinErrors?: boolean;
  readonly explain?: boolean;
  readonly rv?: string;
}

export interface TestFlags extends RegoFlags {
  readonly verbose?: boolean;
  readonly coverage?: boolean;
  readonly run?: string;
  readonly threshold?: string;
}

export interface CheckFlags extends RegoFlags {
  readonly purpose?: 'attestation' | 'resource';
  readonly trusteeProfile?: boolean;
}

export interface FmtFlags extends RegoFlags {
  readonly write?: boolean;
  readonly list?: boolean;
  readonly diff?: boolean;
  readonly fail?: boolean;
}

export interface BenchFlags extends RegoFlags {
  readonly input?: string;
  readonly seconds: string;
}

/** `assay rego`: the policy engine on its own, with flags as `opa` has them. */
export function regoCommand(): Command {
  return group(
    'rego',
    'evaluate, test, check, format and measure Rego policies',
    ['assay rego eval -d policy.rego -i claims.json data.policy.allow', 'assay rego test -v .'],
    [evaluate(), test(), check(), fmt(), bench()],
  );
}

function regoCommandBase(name: string, summary: string, examples: readonly [string, string]): Command {
  return command(name, summary, examples)
    .option('-d, --data <path>', 'Rego file, JSON or YAML document, or a folder of them (repeatable)', collect)
    .option('--v0-compatible', 'read modules as Rego v0')
    .option('-S, --strict', 'also refuse unused variables and imports')
    .addOption(
      new Option('--mode <engine>', 'whose results to give where engines differ')
        .choices(['opa', 'regorus'])
        .default('opa'),
    );
}

function evaluate(): Command {
  return regoCommandBase('eval', 'evaluate a query', [
    "assay rego eval -d policy.rego -i input.json 'data.policy.allow'",
    "assay rego eval --format pretty 'x := [1, 2][_]; x > 1'",
  ])
    .argument('<query>', 'a query; a rule is data.PACKAGE.RULE')
    .option('-i, --input <file>', 'input document (JSON or YAML; `-` for standard input)')
    .option('--rv <file>', 'JSON object of reference values; supplies query_reference_value')
    .addOption(
      new Option('-f, --format <form>', 'form of the result')
        .choices(['json', 'pretty', 'values', 'bindings', 'raw'])
        .default('json'),
    )
    .option('--fail', 'exit with 1 if the result is undefined or empty')
    .option('--fail-defined', 'exit with 1 if the result is defined')
    .option('--strict-builtin-errors', 'errors of built-ins end the evaluation')
    .option('--explain', 'say which bodies failed at which expression, with the values compared')
    .action(async (query: string, flags: EvalFlags) => (await import('../rego/eval.js')).regoEval(query, flags));
}

function test(): Command {
  return regoCommandBase('test', 'run the rules whose names begin with test_', [
    'assay rego test policy.rego policy_test.rego',
    'assay rego test -v --coverage .',
  ])
    .argument('<path...>', 'Rego files, data documents, or folders')
    .option('-v, --verbose', 'list every test, and explain the failed ones')
    .option('-c, --coverage', 'report which rows the tests reach')
    .option('-r, --run <regex>', 'only tests whose name matches')
    .option('--threshold <percent>', 'fail if coverage is below; implies --coverage')
    .action(async (paths: string[], flags: TestFlags) => (await import('../rego/test.js')).regoTest(paths, flags));
}

function check(): Command {
  return regoCommandBase('check', 'compile, and find the traps of attestation and resource policies', [
    'assay rego check policy.rego',
    'assay rego check --purpose attestation --trustee-profile cpu.rego',
  ])
    .argument('<path...>', 'Rego files or folders')
    .addOption(new Option('--purpose <kind>', 'what the policy is for').choices(['attestation', 'resource']))
    .option('--trustee-profile', 'also report what the engine of Trustee would refuse')
    .action(async (paths: string[], flags: CheckFlags) => (await import('../rego/check.js')).regoCheck(paths, flags));
}

function fmt(): Command {
  return regoCommandBase('fmt', 'format Rego files', ['assay rego fmt policy.rego', 'assay rego fmt -w policies/'])
    .argument('[path...]', 'Rego files or folders; standard input without any')
    .option('-w, --write', 'write files in place')
    .option('-l, --list', 'list files that would change')
    .option('--fail', 'exit with 1 if anything would change')
    .action(async (paths: string[], flags: FmtFlags) => (await import('../rego/fmt.js')).regoFmt(paths, flags));
}

function bench(): Command {
  return regoCommandBase('bench', 'measure evaluations of a rule', [
    'assay rego bench -d policy.rego -i claims.json data.policy.trust_claims',
    'assay rego bench -d policy.rego --seconds 5 data.policy.allow --json',
  ])
    .argument('<query>', 'a rule path or a query')
    .option('-i, --input <file>', 'input document')
    .option('--seconds <n>', 'how long to measure', '1')
    .action(async (query: string, flags: BenchFlags) => (await import('../rego/bench.js')).regoBench(query, flags));
}
