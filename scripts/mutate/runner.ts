// Vitest's runner of a test process: runs each test unchanged, then again under each change it reaches.
import { readFileSync } from 'node:fs';
import { type RunnerTestCase as Test, TestRunner } from 'vitest';
import type { Plan } from './conditions.ts';
import { type Note, note, notes } from './journal.ts';

const journal = process.env['MUTATE_JOURNAL'] ?? '';
const { changes } = JSON.parse(readFileSync(process.env['MUTATE_PLAN'] ?? '', 'utf8')) as Plan;

/** The change that is switched on. With MUTATE_CHANGE it is on from the start, and tests run once, as usual. */
let active = process.env['MUTATE_CHANGE'] === undefined ? undefined : Number(process.env['MUTATE_CHANGE']);
const whole = active !== undefined;

const changeOf = new Map(changes.map((change, id) => [`${change.number} ${change.always}`, id]));
const reachedByTest = new Set<number>();
const reachedByFile = new Set<number>();

/** The switch in every `if` of the plan. */
Object.assign(globalThis, {
  __decides(number: number, value: unknown): unknown {
    if (active !== undefined) {
      const change = changes[active];
      return change?.number === number ? change.always : value;
    }
    const change = changeOf.get(`${number} ${!value}`);
    if (change !== undefined) {
      reachedByTest.add(change);
      reachedByFile.add(change);
    }
    return value;
  },
});

const before = whole ? [] : notes(journal);
const killed = new Set(before.flatMap((entry) => (entry.kind === 'killed' ? [entry.change] : [])));
const lived = new Set(before.flatMap((entry) => (entry.kind === 'lived' ? [`${entry.change} ${entry.test}`] : [])));
/** How many tests did not notice a change. */
const count = new Map<number, number>();
for (const entry of before) if (entry.kind === 'lived') count.set(entry.change, (count.get(entry.change) ?? 0) + 1);
/** Enough to leave the rest to whole files: what so many do not notice is a fast path, a cache or a word, as a rule. */
const ENOUGH = 60;
const done = new Set(before.flatMap((entry) => (entry.kind === 'test done' ? [entry.test] : [])));
const once = new Set(before.flatMap((entry) => (entry.kind === 'not repeatable' ? [entry.test] : [])));

// biome-ignore lint/style/noDefaultExport: Vitest takes a runner as the default export
export default class MutationRunner extends TestRunner {
  #changedBefore = false;

  async runTask(test: Test): Promise<void> {
    if (whole) return run(test);
    const name = `${test.file.name} ${test.id} ${test.name}`;
    reachedByTest.clear();
    if (!(await green(test))) {
      if (this.#changedBefore) return spoiled();
      tell({ kind: 'red', file: test.file.filepath, test: name });
      return;
    }
    this.#tellReached(test.file.filepath);
    if (done.has(name)) return;
    const open = [...reachedByTest].filter(
      (change) => !killed.has(change) && !lived.has(`${change} ${name}`) && (count.get(change) ?? 0) < ENOUGH,
    );
    if (open.length > 0 && !once.has(name)) {
      if (await green(test)) for (const change of open) await this.#try(test, name, change);
      else {
        // What it left may show in a later test.
        this.#changedBefore = true;
        tell({ kind: 'not repeatable', test: name });
      }
    }
    tell({ kind: 'test done', test: name });
  }

  /** The test was green right before: red now is by the change. Green again afterwards, or the process is spoiled. */
  async #try(test: Test, name: string, change: number): Promise<void> {
    this.#changedBefore = true;
    tell({ kind: 'try', change, test: name });
    active = change;
    const survived = await green(test);
    active = undefined;
    if (survived) {
      count.set(change, (count.get(change) ?? 0) + 1);
      return tell({ kind: 'lived', change, test: name });
    }
    killed.add(change);
    tell({ kind: 'killed', change, by: name });
    if (!(await green(test))) return spoiled();
  }

  override async onAfterRunSuite(suite: Parameters<TestRunner['onAfterRunSuite']>[0]): Promise<void> {
    await super.onAfterRunSuite(suite);
    if (whole || !('filepath' in suite)) return;
    this.#tellReached(suite.file.filepath);
    tell({ kind: 'file done', file: suite.file.filepath });
  }

  #tellReached(file: string): void {
    if (reachedByFile.size > 0) tell({ kind: 'reached', file, changes: [...reachedByFile] });
    reachedByFile.clear();
  }
}

async function run(test: Test): Promise<void> {
  await TestRunner.getTestFn(test)();
}

async function green(test: Test): Promise<boolean> {
  try {
    await run(test);
    return true;
  } catch {
    return false;
  }
}

function tell(value: Note): void {
  note(journal, value);
}

/** Never returns: the driver ends the process. */
function spoiled(): Promise<never> {
  tell({ kind: 'spoiled' });
  return new Promise(() => setInterval(() => undefined, 1000));
}
