/** The tree of rules below `data`, and the checks that rules and packages do not contradict each other (sheet: rule tree). */
import { formatLocation, type Head, type Location, type Module, type Rule } from '../ast/types.js';
import type { Diagnostics } from './diagnostics.js';
import { type Definition, formatPath, type RuleKind, type RuleNode } from './ir.js';

export interface RuleTree {
  readonly root: RuleNode;
  /** All nodes; `nodes[n.index] === n`. */
  readonly nodes: readonly RuleNode[];
}

/** Follows string keys from a node; undefined where the tree ends. */
export function findNode(root: RuleNode, path: readonly string[]): RuleNode | undefined {
  let node: RuleNode | undefined = root;
  for (const part of path) {
    node = node.children.get(part);
    if (node === undefined) return undefined;
  }
  return node;
}

/** The string parts of a head reference, then the rest. */
export function splitHead(head: Head): { readonly ground: string[]; readonly rest: Head['ref'][number][] } {
  const [first, ...parts] = head.ref;
  const ground = [first.name];
  const cut = parts.findIndex((part) => part.kind !== 'string');
  const end = cut < 0 ? parts.length : cut;
  for (const part of parts.slice(0, end)) if (part.kind === 'string') ground.push(part.value);
  return { ground, rest: parts.slice(end) };
}

export function buildTree(modules: readonly Module[], diagnostics: Diagnostics): RuleTree {
  const nodes: RuleNode[] = [];
  const create = (path: readonly string[]): RuleNode => {
    const node: RuleNode = {
      path,
      children: new Map(),
      definitions: [],
      defaultDefinition: undefined,
      kind: undefined,
      arity: 0,
      index: nodes.length,
      package: false,
    };
    nodes.push(node);
    return node;
  };
  const root = create([]);
  const reach = (path: readonly string[]): RuleNode => {
    let node = root;
    for (const [i, part] of path.entries()) {
      let next = node.children.get(part);
      if (next === undefined) {
        next = create(path.slice(0, i + 1));
        node.children.set(part, next);
      }
      node = next;
    }
    return node;
  };
  for (const module of modules) reach(module.package.path).package = true;
  for (const module of modules) {
    for (const rule of module.rules) {
      const node = reach([...module.package.path, ...splitHead(rule.head).ground]);
      const definition: Definition = { rule, module, kind: rule.head.kind, node, branches: [] };
      if (!rule.default) node.definitions.push(definition);
      else if (node.defaultDefinition === undefined) node.defaultDefinition = definition;
      else
        diagnostics.add(
          'conflicts',
          'rego_type_error',
          `multiple default rules ${formatPath(node.path)} found`,
          rule.loc,
        );
    }
  }
  for (const node of nodes) classify(node, diagnostics);
  for (const node of nodes) checkBelow(node, diagnostics);
  checkPackages(root, modules, diagnostics);
  return { root, nodes };
}

function allDefinitions(node: RuleNode): Definition[] {
  return node.defaultDefinition === undefined ? node.definitions : [node.defaultDefinition, ...node.definitions];
}

function shapeOf(rule: Rule): RuleKind {
  if (rule.head.kind === 'function') return 'function';
  if (splitHead(rule.head).rest.length > 0) return 'partial';
  return rule.head.kind === 'set' ? 'set' : 'complete';
}

function classify(node: RuleNode, diagnostics: Diagnostics): void {
  const [first, ...others] = allDefinitions(node);
  if (first === undefined) return;
  node.kind = shapeOf(first.rule);
  node.arity = first.rule.head.args?.length ?? 0;
  for (const other of others) {
    if (shapeOf(other.rule) !== node.kind || (other.rule.head.args?.length ?? 0) !== node.arity) {
      diagnostics.add(
        'conflicts',
        'rego_type_error',
        `conflicting rules ${formatPath(node.path)} found`,
        other.rule.loc,
      );
    }
  }
}

/** Rules below a rule of fixed shape, and functions inside the dynamic extent of a partial rule. */
function checkBelow(node: RuleNode, diagnostics: Diagnostics): void {
  if (node.kind === undefined) return;
  const below = rulesBelow(node).filter((other) => node.kind !== 'partial' || other.kind === 'function');
  const [first] = allDefinitions(node);
  if (below.length === 0 || first === undefined) return;
  const others = below.map((other) => `${formatPath(other.path)} (${place(allDefinitions(other)[0]?.rule.loc)})`);
  const message = `rule ${formatPath(node.path)} conflicts with [${others.join(', ')}]`;
  diagnostics.add('conflicts', 'rego_type_error', message, first.rule.loc);
}

function rulesBelow(node: RuleNode): RuleNode[] {
  const found: RuleNode[] = [];
  for (const child of node.children.values()) {
    if (child.kind !== undefined) found.push(child);
    found.push(...rulesBelow(child));
  }
  return found;
}

function checkPackages(root: RuleNode, modules: readonly Module[], diagnostics: Diagnostics): void {
  for (const module of modules) {
    const path = module.package.path;
    const node = findNode(root, path);
    if (node?.kind === undefined || node.kind === 'partial') continue;
    const rule = allDefinitions(node)[0]?.rule;
    const name = formatPath(path).slice('data.'.length);
    const message = `package ${name} conflicts with rule ${path.at(-1) ?? ''} defined at ${place(rule?.loc)}`;
    diagnostics.add('conflicts', 'rego_type_error', message, module.package.loc);
  }
}

function place(loc: Location | undefined): string {
  return loc === undefined ? '' : formatLocation(loc);
}
