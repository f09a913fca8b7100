// What the test process tells the driver, one JSON value a line: it outlives a test process that hangs.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

export type Note =
  /** By the driver, when it starts a process. */
  | { readonly kind: 'started' }
  /** `test` starts under `change`; the next note says how it ended, or the process hung or died. */
  | { readonly kind: 'try'; readonly change: number; readonly test: string }
  | { readonly kind: 'killed'; readonly change: number; readonly by: string }
  | { readonly kind: 'lived'; readonly change: number; readonly test: string }
  /** Changes whose condition `file` reaches, unchanged, with the value that changes. */
  | { readonly kind: 'reached'; readonly file: string; readonly changes: readonly number[] }
  | { readonly kind: 'test done'; readonly test: string }
  | { readonly kind: 'file done'; readonly file: string }
  /** Red before anything was changed. */
  | { readonly kind: 'red'; readonly file: string; readonly test: string }
  /** Green once but not twice in one process: tried in processes of its own only. */
  | { readonly kind: 'not repeatable'; readonly test: string }
  /** The process holds something a changed run left, as in a cache: to be ended and started again. */
  | { readonly kind: 'spoiled' };

export function note(journal: string, value: Note): void {
  appendFileSync(journal, `${JSON.stringify(value)}\n`);
}

export function notes(journal: string): Note[] {
  if (!existsSync(journal)) return [];
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Note);
}

/** The last note, when it is a short one. */
export async function lastNote(journal: string): Promise<Note | undefined> {
  const file = await open(journal, 'a+');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 4096);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const line = buffer.toString('utf8').split('\n').at(-2);
    return line?.startsWith('{"kind"') ? (JSON.parse(line) as Note) : undefined;
  } finally {
    await file.close();
  }
}
