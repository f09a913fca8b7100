import type { Command } from 'commander';
import { command } from '../command.js';
import { CliError, EXIT } from '../exit.js';

/** `assay completion`: a completion script made from the commands themselves. */
export function completionCommand(program: () => Command): Command {
  return command('completion', 'print a completion script for a shell', [
    'assay completion bash > /etc/bash_completion.d/assay',
    'assay completion fish > ~/.config/fish/completions/assay.fish',
  ])
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => {
      const words = tree(program());
      const script = { bash: () => bash(words), zsh: () => zsh(words), fish: () => fish(words) }[shell];
      if (script === undefined)
        throw new CliError(`no completion for \`${shell}\``, EXIT.usage, { hint: 'there are bash, zsh and fish' });
      process.stdout.write(script());
    });
}

/** Words that may follow each path of commands. */
type Words = ReadonlyMap<string, readonly string[]>;

function tree(program: Command): Words {
  const words = new Map<string, readonly string[]>();
  const visit = (command: Command, path: string): void => {
    const flags = command.options.flatMap((option) =>
      option.long === undefined || option.long === null ? [] : [option.long],
    );
    words.set(path, [...command.commands.map((member) => member.name()), ...flags, '--help']);
    for (const member of command.commands) visit(member, path === '' ? member.name() : `${path} ${member.name()}`);
  };
  visit(program, '');
  return words;
}

function bash(words: Words): string {
  const cases = [...words].map(
    ([path, list]) => `    ${JSON.stringify(path)}) words=${JSON.stringify(list.join(' '))} ;;`,
  );
  return `# bash completion for assay
_assay() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")); fi
}
complete -F _assay assay
`;
}

function zsh(words: Words): string {
  return `#compdef assay\nautoload -U +X bashcompinit && bashcompinit\n${bash(words)}`;
}

function fish(words: Words): string {
  const lines = ['# fish completion for assay', 'complete -c assay -f'];
  for (const [path, list] of words) {
    const seen =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    for (const word of list) {
      lines.push(
        word.startsWith('--')
          ? `complete -c assay -n '${seen}' -l ${word.slice(2)}`
          : `complete -c assay -n '${seen}' -a ${word}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
