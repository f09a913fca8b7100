import type { Command } from 'commander';
import { command } from '../command.js';
import type { DemoFlags } from '../demo/run.js';

/** `assay demo`: the whole story on one machine. */
export function demoCommand(): Command {
  return command(
    'demo',
    'the whole story on one machine: an encrypted image runs on a guest that proves itself, and on no other',
    ['assay demo', 'assay demo --json'],
  )
    .option('--node-only', 'use no runc, crun or skopeo, even where they are')
    .action(async (flags: DemoFlags) => (await import('../demo/run.js')).runDemo(flags));
}
