// The changes of a set of sources: each `if` gets a switch, `if (c)` becomes `if (__decides(number, (c)))`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** One change: the condition at `file`:`line` always gives `always`. */
export interface Change {
  readonly file: string;
  readonly line: number;
  readonly condition: string;
  /** Which `if`; the same for both changes of one. */
  readonly number: number;
  readonly always: boolean;
}

/** What the runs work from: a change is named by its place in `changes`; `texts` are the sources with switches, by path. */
export interface Plan {
  readonly changes: readonly Change[];
  readonly texts: Readonly<Record<string, string>>;
}

/** Branches that let something through: their condition is made true as well. */
const accepts = /passed\(|PASSED|continue;|return (\[\]|undefined|true)/;

export function planOf(folders: readonly string[]): Plan {
  const changes: Change[] = [];
  const texts: Record<string, string> = {};
  let number = 0;
  for (const file of folders.flatMap(sources)) {
    const text = readFileSync(file, 'utf8');
    const parsed = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
    const inserts: { at: number; text: string }[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isIfStatement(node) && !passesOn(node, parsed)) {
        const from = node.expression.getStart(parsed);
        const line = parsed.getLineAndCharacterOfPosition(from).line + 1;
        const condition = node.expression.getText(parsed).replace(/\s+/g, ' ');
        const both = !/instanceof/.test(condition) && accepts.test(node.thenStatement.getText(parsed));
        for (const always of both ? [false, true] : [false]) changes.push({ file, line, condition, number, always });
        inserts.push({ at: from, text: `__decides(${number}, (` }, { at: node.expression.getEnd(), text: '))' });
        number += 1;
      }
      ts.forEachChild(node, visit);
    };
    visit(parsed);
    inserts.sort((one, other) => other.at - one.at);
    texts[file] = inserts.reduce((done, { at, text }) => done.slice(0, at) + text + done.slice(at), text);
  }
  return { changes, texts };
}

/** `if (!(error instanceof Ours)) throw error`: what is passed on is no decision of this source; no test can make it. */
function passesOn(node: ts.IfStatement, source: ts.SourceFile): boolean {
  const then = node.thenStatement.getText(source);
  return /instanceof/.test(node.expression.getText(source)) && /^\{?\s*throw \w+;/.test(then);
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : sources(path);
    return entry.name.endsWith('.ts') && !/\.test\./.test(entry.name) ? [path] : [];
  });
}
