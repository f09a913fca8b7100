import type { Command } from 'commander';
import { type CommonFlags, command } from '../command.js';

/** `assay demo`: the whole story on one machine. */
export function demoCommand(): Command {
  return command('demo', 'the whole story on one machine: an honest guest gets its secret, dishonest ones do not', [
    'assay demo',
    'assay demo --json',
  ]).action(async (flags: CommonFlags) => (await import('../demo/run.js')).runDemo(flags));
}
