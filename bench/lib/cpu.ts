import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of processor time that a process and its children have used; undefined where there is no /proc. */
export function processorSeconds(pid: number): number | undefined {
  ticksPerSecond ??= ticks();
  if (ticksPerSecond === undefined) return undefined;
  let total = 0;
  for (const process of family(pid)) {
    // proc(5): the command's name may hold blanks and brackets, so the fields are counted from the last bracket.
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    total += Number(fields[11]) + Number(fields[12]);
  }
  return total / ticksPerSecond;
}

let ticksPerSecond: number | undefined;

function ticks(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}

function family(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}
