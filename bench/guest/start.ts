import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { bundleGuest } from '../../scripts/bundle-guest.js';
import { machine, percentile, type Report } from '../lib/report.js';

const ROUNDS = 15;

/** How soon the guest's one file serves, all three services in one process, and the memory it then has; beside Node.js alone. */
export async function benchGuest(): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-guest-'));
  try {
    const file = await bundleGuest(join(folder, 'assay-guest.mjs'));
    const starts: number[] = [];
    const bare: number[] = [];
    let memory = 0;
    let bareMemory = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const guest = await started([file, ...guestArguments(folder)], /listening on http/);
      const alone = await started(['-e', "console.log('up'); setInterval(() => {}, 1000)"], /up/);
      starts.push(guest.milliseconds);
      bare.push(alone.milliseconds);
      memory = Math.max(memory, guest.residentKib);
      bareMemory = Math.max(bareMemory, alone.residentKib);
    }
    const start = percentile(starts, 0.5);
    return {
      name: 'guest',
      machine: machine(),
      metrics: {
        start_ms_median: start,
        start_ms_slowest: Math.max(...starts),
        resident_mib: memory / 1024,
        file_kib: statSync(file).size / 1024,
      },
      ratios: {
        start_vs_bare_node: start / percentile(bare, 0.5),
        resident_vs_bare_node: memory / bareMemory,
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function guestArguments(folder: string): readonly string[] {
  writeFileSync(join(folder, 'aa.toml'), '[token_configs.kbs]\nurl = "http://127.0.0.1:9"\n');
  writeFileSync(join(folder, 'cdh.toml'), '[kbc]\nname = "cc_kbc"\nurl = "http://127.0.0.1:9"\n');
  return [
    ...['agent', 'serve', '-a', `unix://${join(folder, 'aa.sock')}`, '-c', join(folder, 'aa.toml')],
    ...['--data-hub-config', join(folder, 'cdh.toml'), '--data-hub-socket', `unix://${join(folder, 'cdh.sock')}`],
    ...['--folder', join(folder, 'cdh'), '-b', '127.0.0.1:0'],
  ];
}

/** Time until a process says that it is ready, and its resident memory a moment later. */
async function started(
  args: readonly string[],
  ready: RegExp,
): Promise<{ readonly milliseconds: number; readonly residentKib: number }> {
  const begin = performance.now();
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (ready.test(text)) break;
    }
    const milliseconds = performance.now() - begin;
    await wait(200);
    const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    return { milliseconds, residentKib: Number(resident) };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
