/** The dependency graph between rules, and the check that it has no cycle. */
import type { Diagnostics } from './diagnostics.js';
import { type Body, type Branch, formatPath, type RuleNode, type Statement, type Term } from './ir.js';
import type { RuleTree } from './tree.js';

export type Dependencies = ReadonlyMap<RuleNode, ReadonlySet<RuleNode>>;

/** For each rule path, the rule paths that its definitions mention. Defaults count for nothing. */
export function dependenciesOf(tree: RuleTree): Dependencies {
  const graph = new Map<RuleNode, Set<RuleNode>>();
  for (const node of tree.nodes) {
    if (node.kind === undefined) continue;
    const found = new Set<RuleNode>();
    const collector = new Collector(tree.root, found);
    for (const definition of node.definitions) for (const branch of definition.branches) collector.branch(branch);
    // The extent of a partial rule contains every rule below it.
    if (node.kind === 'partial') for (const child of node.children.values()) addAll(child, found);
    graph.set(node, found);
  }
  return graph;
}

export function checkRecursion(graph: Dependencies, diagnostics: Diagnostics): void {
  for (const node of nodesOnCycles(graph)) {
    const cycle = cycleThrough(node, graph);
    const rule = node.definitions[0]?.rule;
    if (cycle === undefined || rule === undefined) continue;
    const text = [...cycle, node].map((n) => formatPath(n.path)).join(' -> ');
    diagnostics.add(
      'recursion',
      'rego_recursion_error',
      `rule ${formatPath(node.path)} is recursive: ${text}`,
      rule.loc,
    );
  }
}

/** Nodes left when those that nothing leads to are taken away: those on a cycle, and what they lead to. */
function nodesOnCycles(graph: Dependencies): Set<RuleNode> {
  const left = new Set(graph.keys());
  const into = new Map<RuleNode, number>();
  for (const targets of graph.values()) for (const target of targets) into.set(target, (into.get(target) ?? 0) + 1);
  const free = [...left].filter((node) => !into.has(node));
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    left.delete(node);
    for (const target of graph.get(node) ?? []) {
      const count = (into.get(target) ?? 0) - 1;
      into.set(target, count);
      if (count === 0) free.push(target);
    }
  }
  return left;
}

/** Every rule behind those it depends on. The graph must have no cycle. */
export function dependencyOrder(graph: Dependencies): RuleNode[] {
  const order: RuleNode[] = [];
  const entered = new Set<RuleNode>();
  for (const start of graph.keys()) {
    const stack: { readonly node: RuleNode; readonly rest: Iterator<RuleNode> }[] = [];
    const enter = (node: RuleNode): void => {
      if (entered.has(node)) return;
      entered.add(node);
      stack.push({ node, rest: (graph.get(node) ?? new Set<RuleNode>()).values() });
    };
    enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) {
        order.push(top.node);
        stack.pop();
      } else enter(next.value);
    }
  }
  return order;
}

/** The path from a node back to itself, breadth first (the shortest), without recursion on long chains of rules. */
function cycleThrough(start: RuleNode, graph: Dependencies): RuleNode[] | undefined {
  const from = new Map<RuleNode, RuleNode>();
  const queue = [start];
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i];
    if (node === undefined) break;
    for (const next of graph.get(node) ?? []) {
      if (next === start) {
        const path = [node];
        for (let at = node; at !== start; ) {
          at = from.get(at) ?? start;
          path.unshift(at);
        }
        return path;
      }
      if (from.has(next)) continue;
      from.set(next, node);
      queue.push(next);
    }
  }
  return undefined;
}

function addAll(node: RuleNode, into: Set<RuleNode>): void {
  if (node.kind !== undefined) into.add(node);
  for (const child of node.children.values()) addAll(child, into);
}

/** The rules that a reference below `data` may read. */
function referencedRules(root: RuleNode, path: readonly Term[], into: Set<RuleNode>): void {
  let node = root;
  for (const part of path) {
    if (node.kind !== undefined) break;
    if (part.kind !== 'const') break;
    const next: RuleNode | undefined = typeof part.value === 'string' ? node.children.get(part.value) : undefined;
    if (next === undefined) return;
    node = next;
  }
  if (node.kind !== undefined) into.add(node);
  else addAll(node, into);
}

class Collector {
  readonly #root: RuleNode;
  readonly #into: Set<RuleNode>;

  constructor(root: RuleNode, into: Set<RuleNode>) {
    this.#root = root;
    this.#into = into;
  }

  branch(branch: Branch): void {
    this.body(branch.body);
    this.term(branch.value);
    for (const part of branch.suffix) this.term(part);
  }

  body(body: Body): void {
    for (const statement of body) this.statement(statement);
  }

  statement(statement: Statement): void {
    for (const { value } of statement.with) {
      if (value.kind === 'user') this.#into.add(value.node);
      else if (value.kind !== 'builtin') this.term(value);
    }
    switch (statement.kind) {
      case 'term':
        this.term(statement.term);
        break;
      case 'unify':
        this.term(statement.left);
        this.term(statement.right);
        break;
      case 'not':
        this.statement(statement.statement);
        break;
      case 'some-in':
        if (statement.key) this.term(statement.key);
        this.term(statement.value);
        this.term(statement.domain);
        break;
      case 'every':
        this.term(statement.domain);
        this.body(statement.body);
        break;
    }
  }

  term(term: Term): void {
    switch (term.kind) {
      case 'const':
      case 'local':
        return;
      case 'ref':
        if (term.root === 'data') referencedRules(this.#root, term.path, this.#into);
        else if (term.root !== 'input') this.term(term.root);
        for (const part of term.path) this.term(part);
        return;
      case 'call':
        if (term.callee.kind === 'user') this.#into.add(term.callee.node);
        for (const arg of term.args) this.term(arg);
        return;
      case 'array':
      case 'set':
        for (const item of term.items) this.term(item);
        return;
      case 'object':
        for (const [key, value] of term.entries) {
          this.term(key);
          this.term(value);
        }
        return;
      case 'comprehension':
        if (term.key) this.term(term.key);
        this.term(term.value);
        this.body(term.body);
        return;
      case 'template':
        for (const part of term.parts) if (typeof part !== 'string') this.body(part.body);
        return;
    }
  }
}
