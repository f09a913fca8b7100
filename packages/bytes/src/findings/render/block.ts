/** The block of one root: what, why, what to do, and the consequences folded under it. */
import type { Finding, Verdict } from '../model.js';
import { onOneLine, visible } from '../text.js';
import { type Layout, lengthOf, OUTCOME_STYLE } from './layout.js';
import { operandNote, shortfallTable, valueLines, valueText } from './value.js';

/** Column of the labels. */
const LABEL = 10;
/** Consequences shown under a root. */
const MOST_CONSEQUENCES = 4;

/** Lines of a root, from its title to its last consequence. */
export function rootBlock(verdict: Verdict, root: Finding, layout: Layout): string[] {
  const consequences = consequencesOf(verdict, root);
  const failing = root.outcome === 'fail' || consequences.some((finding) => finding.outcome === 'fail');
  const shown = failing ? 'fail' : root.outcome;
  const { bar } = layout.glyphs;
  const title = layout.wrap(root.title ?? root.id, layout.width - 2);
  const glyph = layout.paint(OUTCOME_STYLE[shown], layout.glyphs.outcome[shown]);
  const party = root.party === undefined ? '' : `${root.party} can act`;
  const labelled = labels(root, layout);
  const lines = [
    ...title.map((text, index) => `${index === 0 ? glyph : bar} ${layout.paint('bold', text)}`),
    party === '' ? `${bar} ${root.id}` : layout.spread(root.id, party, `${bar} `),
    ...(labelled.length === 0 ? [] : [bar, ...labelled.map((text) => `${bar} ${text}`)]),
  ];
  return consequences.length === 0 ? lines : [...lines, bar, ...consequenceLines(consequences, layout)];
}

/** Everything reachable from a root, in the verdict's order. */
function consequencesOf(verdict: Verdict, root: Finding): Finding[] {
  const reached = new Set([root.key]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const finding of verdict.findings) {
      if (!reached.has(finding.key) && finding.caused_by?.some((key) => reached.has(key)) === true) {
        reached.add(finding.key);
        grew = true;
      }
    }
  }
  return verdict.findings.filter(
    (finding) => finding.key !== root.key && reached.has(finding.key) && !verdict.roots.includes(finding.key),
  );
}

/** The labelled lines, in their fixed order. */
function labels(finding: Finding, layout: Layout): string[] {
  const width = layout.width - 2 - LABEL;
  const lines: string[] = [];
  const add = (label: string, texts: readonly string[]): void => {
    texts.forEach((text, index) => {
      lines.push(`${(index === 0 ? label : '').padEnd(LABEL)}${text}`);
    });
  };
  const prose = (text: string): string[] => layout.wrap(visible(text), width);
  const confirmed = finding.causes?.find((cause) => cause.confirmed === true);
  const guesses = (finding.causes ?? []).filter((cause) => cause.confirmed !== true).map((cause) => cause.text);

  add('at', place(finding, width, layout));
  add('found', found(finding, layout));
  add('wanted', wanted(finding, layout));
  if (confirmed !== undefined) add('because', prose(confirmed.text));
  else if (guesses.length > 0) add('perhaps', prose(guesses.join('; ')));
  if (finding.compare?.also !== undefined && finding.compare.also.length > 0)
    add('also', prose(finding.compare.also.join('; ')));
  add('advises', advisories(finding, width, layout));
  if (finding.source !== undefined) add('source', prose(finding.source));
  const [what, instead] = remedies(finding.remedy ?? '');
  if (what !== '') add('do', prose(what));
  for (const action of finding.actions ?? []) {
    for (const text of layout.command(visible(action.run), width - 2)) add('', [`  ${layout.paint('cyan', text)}`]);
  }
  for (const text of instead) add('or', prose(text));
  return lines;
}

function place(finding: Finding, width: number, layout: Layout): string[] {
  const location = finding.origin?.kind === 'policy' ? finding.origin['location'] : undefined;
  if (typeof location !== 'string') return [];
  const rule = finding.origin?.['rule'];
  const { held_before: held, text } = finding.compare ?? {};
  const progress = held === undefined ? '' : ` (${held} expression${held === 1 ? '' : 's'} held before)`;
  const where = `${visible(location)}${typeof rule === 'string' ? `, rule ${lastName(rule)}` : ''}${progress}`;
  return [
    ...layout.wrap(where, width),
    ...(text === undefined ? [] : layout.wrap(visible(onOneLine(text)), width - 2).map((l) => `  ${l}`)),
  ];
}

function lastName(rule: string): string {
  return visible(rule.slice(rule.lastIndexOf('.') + 1));
}

function found(finding: Finding, layout: Layout): string[] {
  const { compare } = finding;
  const table = compare === undefined ? [] : shortfallTable(compare);
  if (table.length > 0) return table;
  if (compare?.display?.actual !== undefined) return [compare.display.actual];
  if (finding.actual === undefined) return [];
  return noted(valueLines(finding.actual, layout.full), operandNote(compare?.left));
}

function wanted(finding: Finding, layout: Layout): string[] {
  const { compare } = finding;
  if (compare?.display?.expected !== undefined) return [compare.display.expected];
  if (finding.expected === undefined || finding.expected === null) return [];
  return noted(valueLines(finding.expected, layout.full), operandNote(compare?.right));
}

function noted(lines: readonly string[], note: string | undefined): string[] {
  const [first = '', ...rest] = lines;
  return [note === undefined ? first : `${first}   ${note}`, ...rest];
}

function advisories(finding: Finding, width: number, layout: Layout): string[] {
  const actual = finding.actual;
  if (actual === null || typeof actual !== 'object' || Array.isArray(actual)) return [];
  const ids = (actual as { readonly [key: string]: unknown })['advisory_ids'];
  if (!Array.isArray(ids) || ids.length === 0) return [];
  return layout.wrap(ids.map((id) => visible(String(id))).join(', '), width);
}

/** The remedy as `do` and its alternatives: sentences that begin with "Or" or "Otherwise". */
function remedies(remedy: string): readonly [string, readonly string[]] {
  const sentences = remedy.split(/(?<=\.) (?=[A-Z])/);
  const what: string[] = [];
  const instead: string[] = [];
  for (const sentence of sentences) {
    const alternative = /^(?:Or|Otherwise),? (.*)$/s.exec(sentence)?.[1];
    (alternative === undefined ? what : instead).push(alternative ?? sentence);
  }
  return [withoutPeriod(lowered(what.join(' '))), instead.map(withoutPeriod)];
}

/** Goes on after its label: the first letter of the whole, not of the sentences that follow. */
function lowered(prose: string): string {
  return /^[A-Z][a-z ]/.test(prose) ? prose.charAt(0).toLowerCase() + prose.slice(1) : prose;
}

function withoutPeriod(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}

function consequenceLines(consequences: readonly Finding[], layout: Layout): string[] {
  const shown = consequences.slice(0, MOST_CONSEQUENCES);
  const more = consequences.length - shown.length;
  const column = Math.max(21, ...shown.map((finding) => finding.id.length)) + 2;
  return [
    ...shown.flatMap((finding, index) => {
      const last = index === shown.length - 1 && more === 0;
      return consequence(finding, last, column, layout);
    }),
    ...(more > 0 ? [`${layout.glyphs.last} and ${more} more`] : []),
  ];
}

function consequence(finding: Finding, last: boolean, column: number, layout: Layout): string[] {
  const { glyphs } = layout;
  const indent = 5 + column;
  const width = layout.width - indent;
  const rule = finding.compare?.relation === 'rule' ? ruleLines(finding, width, layout) : undefined;
  const title = rule === undefined ? (finding.title ?? '') : headOf(finding.title ?? '');
  const [first = '', ...rest] = layout.wrap(title, width);
  const glyph = layout.paint(finding.outcome === 'fail' ? 'red' : 'dim', glyphs.outcome[finding.outcome]);
  const edge = last ? ' ' : glyphs.bar;
  const below = (left: string, right: string): string =>
    `${edge}    ${left.padEnd(column)}${lengthOf(left) >= column ? ' ' : ''}${right}`;
  const lines = [
    `${last ? glyphs.last : glyphs.branch} ${glyph} ${finding.id.padEnd(column)}${first}`,
    ...rest.map((text) => below('', text)),
    ...(rule ?? []).map(([left, right]) => below(left === '' ? '' : `  ${left}`, right)),
  ];
  return lines.map((text) => layout.paint('dim', text));
}

/** `hardware stays 97` of `hardware stays 97: default_cpu.rego:16: …`; where it was is on the next line. */
function headOf(title: string): string {
  return title.split(': ', 1)[0] ?? title;
}

function ruleLines(finding: Finding, width: number, layout: Layout): (readonly [string, string])[] {
  const { compare, origin } = finding;
  const location = typeof origin?.['location'] === 'string' ? origin['location'] : '';
  const text = compare?.text;
  if (text === undefined) return [];
  const line = location.replace(/:\d+$/, '');
  const operator = compare?.operator;
  const { left, right } = compare ?? {};
  const split = operator === undefined ? -1 : text.indexOf(` ${operator} `);
  const wrapped = (): (readonly [string, string])[] =>
    layout.wrap(visible(text), width).map((part, index) => [index === 0 ? visible(line) : '', part]);
  if (split < 0 || left?.value === undefined || right?.value === undefined) return wrapped();
  const leftText = text.slice(0, split);
  const [leftValue = '', rightValue = ''] = [left.value, right.value].map((value) => operandText(value, layout));
  const column = Math.max(lengthOf(leftText), lengthOf(leftValue));
  const source = visible(`${leftText.padEnd(column)} ${text.slice(split + 1)}`);
  const values = `${leftValue.padEnd(column)} ${operator} ${rightValue}`;
  if (lengthOf(source) > width || lengthOf(values) > width) return wrapped();
  return [
    [visible(line), source],
    ['', values],
  ];
}

function operandText(value: Parameters<typeof valueText>[0], layout: Layout): string {
  return typeof value === 'string'
    ? `"${valueText(value, layout.full)}"`
    : value === null
      ? 'null'
      : valueText(value, layout.full);
}
