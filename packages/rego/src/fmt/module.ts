/** Modules as text. */
import type { Else, Head, Import, Module, Package, Rule, Statement } from '../ast/types.js';
import { pathText, quote } from './quote.js';
import { commentText, Source } from './source.js';
import { StatementPrinter } from './statements.js';

type Item = Package | Import | Rule;

export class ModulePrinter extends StatementPrinter {
  readonly #module: Module;
  #out = '';
  /** Where the thing written last ended in the source. */
  #previousRow = 0;
  #previous: { item: Item; oneLine: boolean } | undefined;

  constructor(module: Module) {
    super(new Source(module.text, module.comments));
    this.#module = module;
  }

  print(): string {
    const { imports, rules } = this.#module;
    const items: Item[] = [this.#module.package, ...imports, ...rules];
    if (this.source.hasText) items.sort((a, b) => a.loc.offset - b.loc.offset);
    for (let i = 0; i < items.length; ) {
      const item = items[i] as Item;
      if (item.kind === 'import') {
        const group = this.#importGroup(items, i);
        this.#imports(group, items[i + group.length]);
        i += group.length;
      } else if (item.kind === 'rule') {
        const chain = [item];
        for (i++; i < items.length; i++) {
          const next = items[i];
          if (next?.kind !== 'rule' || !next.chained) break;
          chain.push(next);
        }
        this.#item(item, chain.at(-1) ?? item, () => this.#rule(item, chain.slice(1)), items[i]);
      } else {
        this.#item(item, item, () => `package ${pathText(item.path)}`, items[++i]);
      }
    }
    this.#comments(Number.POSITIVE_INFINITY);
    return this.#out;
  }

  // Separation

  /** Comments on lines of their own in front of `offset`; true if there were any. */
  #comments(offset: number): boolean {
    const comments = this.source.takeBefore(offset);
    for (const [index, comment] of comments.entries()) {
      const detached = index === 0 ? this.#out !== '' : comment.loc.row - this.#previousRow > 1;
      this.#out += `${detached ? '\n' : ''}${commentText(comment)}\n`;
      this.#previousRow = comment.loc.row;
    }
    return comments.length > 0;
  }

  #item(item: Item, last: Item, print: () => string, following: Item | undefined): void {
    const commented = this.#comments(item.loc.offset);
    const text = print();
    const endRow = this.source.endRow(last.loc);
    const line = this.line(text, last.loc.end, endRow, following?.loc.offset ?? Number.POSITIVE_INFINITY, 0);
    // A line that starts with a comment (moved out of the rule) is no part of a group.
    const oneLine = !text.includes('\n');
    const detached = item.loc.row - this.#previousRow > 1;
    const inGroup = item.kind === 'rule' && oneLine && !line.startsWith('#') && this.source.hasText;
    const grouped = inGroup && this.#previous?.item.kind === 'rule' && this.#previous.oneLine && !detached;
    if (commented ? detached : this.#out !== '' && !grouped) this.#out += '\n';
    this.#out += line;
    this.#previousRow = endRow;
    this.#previous = { item, oneLine };
  }

  // Imports

  /** Imports on consecutive lines without comments between or inside them. */
  #importGroup(items: readonly Item[], start: number): readonly Import[] {
    const group: Import[] = [];
    for (let i = start; i < items.length; i++) {
      const item = items[i];
      if (item?.kind !== 'import') break;
      const before = group.at(-1);
      const alone = this.source.hasComments(item.loc.offset, item.loc.end);
      if (before && alone) break;
      if (before && this.source.hasText && item.loc.row - this.source.endRow(before.loc) > 1) break;
      group.push(item);
      if (alone) break;
    }
    return group;
  }

  /** A group is sorted by path, each import with the comment on its line. */
  #imports(group: readonly Import[], following: Item | undefined): void {
    const [first] = group;
    if (first === undefined) return;
    const commented = this.#comments(first.loc.offset);
    const detached = first.loc.row - this.#previousRow > 1;
    if (commented ? detached : this.#out !== '') this.#out += '\n';
    const lines = group.map((item, index) => {
      const alias = item.alias === undefined ? '' : ` as ${item.alias}`;
      const text = `import ${pathText(item.path)}${alias}`;
      const limit = (group[index + 1] ?? following)?.loc.offset ?? Number.POSITIVE_INFINITY;
      this.#previousRow = this.source.endRow(item.loc);
      return { text, line: this.line(text, item.loc.end, this.#previousRow, limit, 0) };
    });
    lines.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
    this.#out += lines.map(({ line }) => line).join('');
    this.#previous = { item: first, oneLine: true };
  }

  // Rules

  #rule(rule: Rule, chained: readonly Rule[]): string {
    let text = `${rule.default ? 'default ' : ''}${this.#head(rule.head)}`;
    if (rule.body.length > 0) {
      const keyword = rule.ifKeyword ? ' if' : '';
      const [only] = rule.body;
      const inline = chained.length === 0 && rule.ifKeyword && rule.body.length === 1 && only !== undefined;
      if (inline && this.#fitsBehind(rule.head.loc, only)) text += ` if ${this.statement(only, 0)}`;
      else text += `${keyword} ${this.braces(rule.body, 0, this.source.endRow(rule.head.loc))}`;
    }
    let before: Rule | Else = rule;
    for (const branch of rule.else) {
      text += this.#else(branch, before, text);
      before = branch;
    }
    for (const more of chained) text += ` ${this.braces(more.body, 0, more.loc.row)}`;
    return text;
  }

  /** `if statement` without braces: when it stood on the line of the head, and is not what braces are taken for. */
  #fitsBehind(head: { offset: number; end: number; row: number; file: string; col: number }, only: Statement): boolean {
    if (only.kind === 'term' && only.term.kind === 'set') return false;
    const close = this.source.closingBrace(only.loc.end);
    return only.loc.row === this.source.endRow(head) && !this.source.hasComments(head.offset, close);
  }

  #head(head: Head): string {
    const [name, ...path] = head.ref;
    let text = this.ref(name, path, 0);
    if (head.args) {
      const end = head.ref.at(-1)?.loc.end ?? head.loc.offset;
      const close = head.value?.loc.offset ?? head.loc.end;
      text += this.list('(', ')', head.args, { ...head.loc, offset: end, end: close }, 0, { first: false });
    }
    if (head.kind === 'set' && head.key) {
      if (head.contains) text += ` contains ${this.term(head.key, 0)}`;
      else text += `[${head.key.kind === 'string' && !head.key.raw ? quote(head.key.value) : this.term(head.key, 0)}]`;
    }
    return head.value === undefined ? text : `${text} ${head.operator} ${this.term(head.value, 0)}`;
  }

  #else(branch: Else, before: Rule | Else, text: string): string {
    const previousEnd = 'kind' in before ? this.#mainEnd(before) : before.loc.end;
    const sameLine = this.source.hasText
      ? branch.loc.row === this.source.endRow({ ...before.loc, end: previousEnd })
      : text.endsWith('}');
    const braced = before.body.length > 0 && text.endsWith('}');
    const trailing = this.source.takeTrailing(
      this.source.endRow({ ...before.loc, end: previousEnd }),
      branch.loc.offset,
    );
    const comments = this.source.takeBefore(branch.loc.offset);
    let lead = trailing ? ` ${commentText(trailing)}` : '';
    if (sameLine && braced && !trailing && comments.length === 0) lead += ' ';
    else lead += `\n\n${comments.map((comment) => `${commentText(comment)}\n`).join('')}`;
    let own = 'else';
    if (branch.value !== undefined) own += ` ${branch.operator} ${this.term(branch.value, 0)}`;
    if (branch.body.length === 0) return lead + own;
    const [only] = branch.body;
    const head = { ...branch.loc, end: branch.value?.loc.end ?? branch.loc.offset + 'else'.length };
    if (branch.ifKeyword && branch.body.length === 1 && only !== undefined) {
      if (this.#fitsBehind(head, only)) {
        const statement = this.statement(only, 0);
        // Unlike behind the first `if`, a brace here always opens a body.
        if (!statement.startsWith('{')) return `${lead}${own} if ${statement}`;
      }
    }
    return `${lead}${own}${branch.ifKeyword ? ' if' : ''} ${this.braces(branch.body, 0, this.source.endRow(head))}`;
  }

  /** Where the main body of a rule with else branches ends. */
  #mainEnd(rule: Rule): number {
    const last = rule.body.at(-1);
    if (last === undefined) return rule.head.loc.end;
    return this.source.closingBrace(last.loc.end);
  }
}
