/** The verdict on a terminal: the decision first, then causes before consequences, never a wall of text. */
import type { Finding, Outcome, Verdict } from '../model.js';
import { STAGES } from '../model.js';
import { visible } from '../text.js';
import { stageOf } from '../verdict.js';
import { rootBlock } from './block.js';
import { Layout, OUTCOME_STYLE, type Style, type TerminalOptions } from './layout.js';

/** Most lines without `--all`. */
export const MOST_LINES = 40;

/** Renders a verdict as text, lines ending with `\n`. */
export function renderTerminal(verdict: Verdict, options: TerminalOptions = {}): string {
  const layout = new Layout(options);
  const lines =
    options.why !== undefined
      ? renderWhy(verdict, options.why, new Layout({ ...options, full: true }))
      : options.mode === 'all'
        ? [...heading(verdict, layout), ...everything(verdict, layout), '', counts(verdict, layout, false)]
        : short(verdict, layout);
  return `${lines.map((line) => layout.plain(line).trimEnd()).join('\n')}\n`;
}

function short(verdict: Verdict, layout: Layout): string[] {
  const head = heading(verdict, layout);
  const tail = ['', counts(verdict, layout, true)];
  const roots = rootsOf(verdict);
  const asides = asideLines(verdict, layout);
  // What gives way when it is too long: the details of later roots, then the asides, then the end of the first block.
  const attempts: (() => string[])[] = [
    () => [...roots.flatMap((root) => ['', ...rootBlock(verdict, root, layout)]), ...asides],
    () => [...firstInFull(verdict, roots, layout), ...asides],
    () => [...firstInFull(verdict, roots, layout), ...folded(asides, 3)],
    () => firstInFull(verdict, roots, layout),
  ];
  let body: string[] = [];
  for (const attempt of attempts) {
    body = attempt();
    if (head.length + body.length + tail.length <= MOST_LINES) return [...head, ...body, ...tail];
  }
  const room = MOST_LINES - head.length - tail.length - 1;
  return [...head, ...body.slice(0, room), layout.paint('dim', `… ${body.length - room} more lines: --all`), ...tail];
}

function firstInFull(verdict: Verdict, roots: readonly Finding[], layout: Layout): string[] {
  const [first, ...later] = roots;
  if (first === undefined) return [];
  const shown = later.slice(0, 5).map((root) => line(root, layout));
  const more = later.length > 5 ? [`  and ${later.length - 5} more`] : [];
  return ['', ...rootBlock(verdict, first, layout), ...(later.length === 0 ? [] : ['', ...shown, ...more])];
}

function folded(lines: readonly string[], most: number): string[] {
  return lines.length <= most + 1 ? [...lines] : [...lines.slice(0, most + 1), `  and ${lines.length - most - 1} more`];
}

/** Roots in the verdict's order. */
function rootsOf(verdict: Verdict): Finding[] {
  return verdict.roots.flatMap((key) => verdict.findings.filter((finding) => finding.key === key));
}

/** First two lines: decision, kind, attempt, time; then evidence, appraisal, release. */
function heading(verdict: Verdict, layout: Layout): string[] {
  const [word, style] = headWord(verdict);
  const when = verdict.as_of === true ? `as of ${verdict.at} (--at)` : verdict.at;
  const attempt = verdict.attempt === undefined ? [] : [`attempt ${visible(verdict.attempt)}`];
  const first = [layout.paint('bold', layout.paint(style, word)), visible(verdict.kind), ...attempt, when].join('  ');
  const evidence = { accept: 'authentic', reject: 'not accepted', incomplete: 'undecided' } as const;
  const states = [`evidence ${verdict.verdict === undefined ? 'not judged' : evidence[verdict.verdict]}`];
  const tier = worstTier(verdict);
  if (tier !== undefined) states.push(`appraisal ${tier}`);
  const release = verdict.stages.release;
  if (release === 'pass') states.push('released');
  else if (release !== undefined || verdict.decision === 'refuse') states.push('nothing released');
  return [first, states.join(` ${layout.glyphs.dot} `)];
}

function headWord(verdict: Verdict): readonly [string, Style] {
  if (verdict.decision !== undefined) {
    const words = {
      accept: ['accepted', 'green'],
      refuse: ['refused', 'red'],
      undecided: ['undecided', 'yellow'],
    } as const;
    return words[verdict.decision];
  }
  if (verdict.verdict === 'accept') return ['accepted', 'green'];
  return verdict.verdict === 'incomplete'
    ? ['incomplete', 'yellow']
    : [verdict.verdict === 'reject' ? 'rejected' : 'refused', 'red'];
}

function worstTier(verdict: Verdict): string | undefined {
  const order = ['contraindicated', 'warning', 'affirming', 'none'];
  const tiers = Object.values(verdict.tiers ?? {});
  return order.find((tier) => tiers.includes(tier));
}

/** Warnings that are no roots, and what was not asked and is no consequence. */
function asideLines(verdict: Verdict, layout: Layout): string[] {
  const asides = (['warn', 'not-checked'] as const).flatMap((outcome) =>
    verdict.findings.filter((finding) => finding.outcome === outcome && finding.role === undefined),
  );
  if (asides.length === 0) return [];
  const column = Math.max(...asides.map((finding) => finding.id.length));
  return ['', ...asides.flatMap((finding) => aside(finding, column, layout))];
}

function aside(finding: Finding, column: number, layout: Layout): string[] {
  const glyph = layout.paint(OUTCOME_STYLE[finding.outcome], layout.glyphs.outcome[finding.outcome]);
  const indent = column + 5;
  const [first = '', ...rest] = layout.wrap(finding.title ?? '', layout.width - indent);
  return [`${glyph} ${finding.id.padEnd(column)}   ${first}`, ...rest.map((text) => `${' '.repeat(indent)}${text}`)];
}

/** One finding on one line. */
function line(finding: Finding, layout: Layout): string {
  const glyph = layout.paint(OUTCOME_STYLE[finding.outcome], layout.glyphs.outcome[finding.outcome]);
  const subject = finding.subject === undefined ? '' : ` (${visible(finding.subject)})`;
  return finding.title === undefined ? `${glyph} ${finding.id}${subject}` : `${glyph} ${finding.title}`;
}

function everything(verdict: Verdict, layout: Layout): string[] {
  const roots = rootsOf(verdict).flatMap((root) => ['', ...rootBlock(verdict, root, layout)]);
  const stages = STAGES.flatMap((stage) => {
    const findings = verdict.findings.filter((finding) => stageOf(finding) === stage);
    if (findings.length === 0) return [];
    const column = Math.max(...findings.map((finding) => finding.id.length));
    return [
      '',
      layout.paint('bold', stage),
      ...findings.flatMap((finding) =>
        aside({ ...finding, title: finding.title ?? finding.subject ?? '' }, column, layout),
      ),
    ];
  });
  return [...roots, ...stages];
}

function renderWhy(verdict: Verdict, which: string, layout: Layout): string[] {
  const findings = verdict.findings.filter((finding) => finding.key === which || finding.id === which);
  if (findings.length === 0) return [`no finding ${visible(which)} in this verdict`];
  return findings.flatMap((finding, index) => [...(index === 0 ? [] : ['']), ...rootBlock(verdict, finding, layout)]);
}

function counts(verdict: Verdict, layout: Layout, hint: boolean): string {
  const of = (outcome: Outcome): number => verdict.findings.filter((finding) => finding.outcome === outcome).length;
  const texts = [
    `${of('pass')} passed`,
    `${of('fail')} failed`,
    `${of('warn')} warned`,
    `${of('not-checked')} not made`,
  ];
  const left = texts.join(` ${layout.glyphs.dot} `);
  return hint ? layout.spread(left, '--all lists them') : left;
}
