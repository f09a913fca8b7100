import { type Terminal, terminalOf } from './style.js';

/** Output of one command: human text, or with `--json` one document and nothing else on standard output. */
export interface Output {
  readonly json: boolean;
  readonly out: Terminal;
  readonly err: Terminal;
  /** The result: `data` with `--json`, else what `human` writes. */
  result(data: unknown, human: (out: Terminal) => void): void;
  /** A diagnostic, on standard error. */
  note(text: string): void;
}

export function createOutput(json: boolean): Output {
  const out = terminalOf(process.stdout);
  const err = terminalOf(process.stderr);
  return {
    json,
    out,
    err,
    result: (data, human) => {
      if (json) out.write(`${JSON.stringify(data, null, 2)}\n`);
      else human(out);
    },
    note: (text) => err.write(`${text}\n`),
  };
}
