/**
 * What is wrong with, or worth knowing about, a configuration.
 *
 * `config.file.form` and `config.key.known` stop the start; the others are warnings.
 */
export interface ConfigIssue {
  readonly id: 'config.file.form' | 'config.key.known' | 'config.key.honoured' | 'config.value.insecure';
  /** Where the setting stands: `assay.toml:12`, `ASSAY_HTTP_LISTEN`, `--listen`. */
  readonly where: string;
  /** Dotted name of the setting, as written. Empty when the whole file is meant. */
  readonly key: string;
  readonly actual?: string;
  readonly expected?: string;
  /** Nearest known name, for `config.key.known`. */
  readonly nearest?: string;
  /** Why it has no effect, or what it opens. */
  readonly why?: string;
}

/** One line for a person: what was found, what was wanted. */
export function renderIssue(issue: ConfigIssue): string {
  const at = issue.key === '' ? issue.where : `${issue.where}: \`${issue.key}\``;
  switch (issue.id) {
    case 'config.file.form':
      return issue.key === ''
        ? `${at}: ${issue.actual ?? 'does not parse'}`
        : `${at} is ${issue.actual ?? 'absent'}; ${issue.expected ?? 'another form is needed'}`;
    case 'config.key.known':
      return `${at} is not a setting${issue.nearest === undefined ? '' : `; nearest is \`${issue.nearest}\``}`;
    case 'config.key.honoured':
      return `${at} has no effect here: ${issue.why ?? 'not supported'}`;
    case 'config.value.insecure':
      return `${at} = ${issue.actual ?? ''}: ${issue.why ?? ''}`;
  }
}

/** Issues that stop the start. */
export function fatalIssues(issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  return issues.filter((issue) => issue.id === 'config.file.form' || issue.id === 'config.key.known');
}
