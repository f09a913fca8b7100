/** What a name means in a module before any local declaration: an import, a rule of the package, or nothing. */
import type { Body, Import, Module, Statement, Term } from '../ast/types.js';
import { isClosure, statementTerms, walkTerm } from '../ast/visit.js';
import type { Diagnostics } from './diagnostics.js';

/** Global names of one module: name to full path, whose first part is `data` or `input`. */
export type Globals = ReadonlyMap<string, readonly string[]>;

function isRoot(path: readonly string[]): boolean {
  return path[0] === 'data' || path[0] === 'input';
}

export function importName(node: Import): string {
  return node.alias ?? node.path.at(-1) ?? '';
}

/** Rule names per package, over all modules. */
export function exportsOf(modules: readonly Module[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const module of modules) {
    const key = JSON.stringify(module.package.path);
    const names = found.get(key) ?? new Set<string>();
    for (const rule of module.rules) names.add(rule.head.ref[0].name);
    found.set(key, names);
  }
  return found;
}

/** `localFirst`: rules win over imports of the same name (as regorus has it; in OPA imports win). */
export function globalsOf(
  module: Module,
  exported: ReadonlyMap<string, ReadonlySet<string>>,
  localFirst: boolean,
): Globals {
  const globals = new Map<string, readonly string[]>();
  const addImports = (): void => {
    for (const node of module.imports) if (isRoot(node.path)) globals.set(importName(node), node.path);
  };
  if (localFirst) addImports();
  for (const name of exported.get(JSON.stringify(module.package.path)) ?? []) {
    globals.set(name, ['data', ...module.package.path, name]);
  }
  if (!localFirst) addImports();
  return globals;
}

/** Checks that v1 makes always and v0 in strict mode: duplicate imports, and `input` or `data` as the name of a rule. */
export function checkNames(module: Module, strict: boolean, diagnostics: Diagnostics): void {
  if (module.version !== 'v1' && !strict) return;
  const seen = new Map<string, Import>();
  for (const node of module.imports) {
    if (!isRoot(node.path)) continue;
    const name = importName(node);
    const earlier = seen.get(name);
    if (earlier !== undefined) {
      const message = `import must not shadow import ${earlier.path.join('.')}`;
      diagnostics.add('imports', 'rego_compile_error', message, node.loc);
    } else seen.set(name, node);
    if (node.alias !== undefined && isReserved(node.alias)) {
      diagnostics.add('imports', 'rego_compile_error', `imports must not shadow ${node.alias}`, node.loc);
    }
  }
  for (const rule of module.rules) {
    const name = rule.head.ref[0].name;
    if (isReserved(name)) {
      const message = `rules must not shadow ${name} (use a different rule name)`;
      diagnostics.add('imports', 'rego_compile_error', message, rule.loc);
    }
  }
}

/** The root documents, which v1 does not let a program redefine. */
export function isReserved(name: string): boolean {
  return name === 'input' || name === 'data';
}

/** Names that a body declares itself: by `:=`, `some`, `some … in`. */
export function declaredNames(body: Body): Set<string> {
  const names = new Set<string>();
  for (const statement of body) {
    if (statement.kind === 'assign') patternNames(statement.target, names);
    else if (statement.kind === 'some') for (const v of statement.vars) names.add(v.name);
    else if (statement.kind === 'some-in') {
      if (statement.key) patternNames(statement.key, names);
      patternNames(statement.value, names);
    }
  }
  names.delete('_');
  return names;
}

/** Names in pattern position: variables, inside arrays and object values. */
export function patternNames(pattern: Term, into: Set<string>): void {
  if (pattern.kind === 'var' && !pattern.wildcard) into.add(pattern.name);
  else if (pattern.kind === 'array') for (const item of pattern.items) patternNames(item, into);
  else if (pattern.kind === 'object') for (const entry of pattern.entries) patternNames(entry.value, into);
}

/** Names that a body and its head terms mention outside nested closures: those variables are the body's own. */
export function directNames(body: Body, heads: readonly Term[]): Set<string> {
  const names = new Set<string>();
  const visit = (term: Term): void =>
    walkTerm(term, {
      term: (t) => {
        if (t.kind === 'var' && !t.wildcard) names.add(t.name);
        return !isClosure(t);
      },
    });
  for (const head of heads) visit(head);
  for (const statement of body) for (const term of ownTerms(statement)) visit(term);
  return names;
}

function ownTerms(statement: Statement): readonly Term[] {
  return statement.kind === 'every'
    ? [statement.domain, ...statement.with.map((w) => w.value)]
    : statementTerms(statement);
}
