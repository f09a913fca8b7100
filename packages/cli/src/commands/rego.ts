import { Command } from 'commander';
export function regoCommand(): Command {
  return new Command('rego');
}
