import { randomBytes } from 'node:crypto';
import {
  compile,
  EvaluationError,
  type HostFunction,
  type JsonObject,
  T,
  toJsonText,
  type Value,
} from '@assay/rego/node';
import { evalQuery, type QueryReport } from '@assay/rego/tools';
import { outputOf } from '../command.js';
import type { EvalFlags } from '../commands/rego.js';
import { CliError, EXIT } from '../exit.js';
import { asCliError, loadBundle, loadInput } from './sources.js';

/** The function that attestation policies are given. */
const queryReferenceValue: HostFunction = { name: 'query_reference_value', args: [T.string] };

/** `assay rego eval`. */
export function regoEval(query: string, flags: EvalFlags): void {
  const { modules, data } = loadBundle(flags.data ?? []);
  const values = flags.rv === undefined ? undefined : (loadInput(flags.rv) as JsonObject);
  const output = outputOf(flags);
  const report = evaluate(() => {
    const policy = compile(modules, {
      regoVersion: flags.v0Compatible === true ? 'v0' : 'v1',
      strict: flags.strict === true,
      mode: flags.mode,
      ...(values === undefined ? {} : { hostFunctions: [queryReferenceValue] }),
    });
    return evalQuery(policy, query, {
      data,
      input: loadInput(flags.input),
      now: new Date(),
      random: (length) => randomBytes(length),
      env: {},
      trace: flags.explain === true,
      strictBuiltinErrors: flags.strictBuiltinErrors === true,
      prints: (line) => output.note(line),
      ...(values === undefined
        ? {}
        : {
            builtins: {
              query_reference_value: (name: Value) =>
                typeof name === 'string' && Object.hasOwn(values, name) ? (values[name] ?? null) : null,
            },
          }),
    });
  });
  const form = flags.json === true ? 'json' : flags.format;
  process.stdout.write(render(report, form));
  if (flags.explain === true && form !== 'json') process.stderr.write(explain(report));
  const defined = report.result.length > 0;
  if ((flags.fail === true && !defined) || (flags.failDefined === true && defined)) process.exitCode = EXIT.refused;
}

/** Runs the engine; its errors end the command with their own words. */
function evaluate<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof EvaluationError)
      throw new CliError(`${error.code}: ${error.message}`, EXIT.malformed, {
        data: { code: error.code, message: error.message },
        cause: error,
      });
    throw asCliError(error);
  }
}

function render({ result, trace }: QueryReport, form: EvalFlags['format']): string {
  const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  switch (form) {
    case 'json':
      // OPA leaves `result` out where the query is undefined.
      return pretty({
        ...(result.length === 0 ? {} : { result: result.map(asOpa) }),
        ...(trace === undefined ? {} : { trace }),
      });
    case 'values':
      return pretty(result.map(({ expressions }) => (expressions.length === 1 ? expressions[0] : expressions)));
    case 'bindings':
      return pretty(result.map(({ bindings }) => bindings));
    case 'raw':
      return result
        .map(
          ({ expressions }) =>
            `${expressions.map((value) => (typeof value === 'string' ? value : toJsonText(value as Value))).join(' ')}\n`,
        )
        .join('');
    case 'pretty': {
      const [only, ...more] = result;
      if (only === undefined) return 'undefined\n';
      if (more.length === 0 && isEmpty(only.bindings))
        return only.expressions.length === 1 ? pretty(only.expressions[0]) : pretty(only.expressions);
      return pretty(result.map(({ bindings, expressions }) => (isEmpty(bindings) ? expressions : bindings)));
    }
  }
}

function asOpa({ expressions, bindings }: QueryReport['result'][number]): object {
  return { expressions: expressions.map((value) => ({ value })), ...(isEmpty(bindings) ? {} : { bindings }) };
}

function isEmpty(bindings: unknown): boolean {
  return typeof bindings === 'object' && bindings !== null && Object.keys(bindings).length === 0;
}

function explain({ trace }: QueryReport): string {
  if (trace === undefined) return '';
  return trace.rules
    .map((rule) => {
      const bodies = rule.bodies.map(({ file, row, succeeded, failure }) => {
        if (succeeded || failure === undefined) return `    ${succeeded ? 'holds' : 'fails'}   ${file}:${row}\n`;
        const values = failure.operands
          .map((o) => `              ${o.expression} is ${o.value === undefined ? 'undefined' : toJsonText(o.value)}\n`)
          .join('');
        return `    fails   ${file}:${failure.row}:${failure.col}  ${failure.expression}\n${values}`;
      });
      return `  ${rule.path}\n${bodies.join('')}`;
    })
    .join('');
}
