/** From modules to a program: all names resolved, all checks made, bodies in the order in which they are evaluated. */
import type * as ast from '../ast/types.js';
import type { Builtin } from '../builtins/types.js';
import type { CompileContext } from './context.js';
import { Diagnostics } from './diagnostics.js';
import type { Body, Branch, Definition, Local, Term } from './ir.js';
import { checkNames, exportsOf, type Globals, globalsOf, importName } from './names.js';
import { checkRecursion, dependenciesOf, dependencyOrder } from './recursion.js';
import { Resolver } from './resolve.js';
import { orderBody, orderBranch, reportable } from './safety.js';
import { NameScope } from './scopes.js';
import { buildTree, type RuleTree, splitHead } from './tree.js';
import { checkQueryTypes, checkRuleTypes, type RuleTypes } from './types/check.js';

export interface CompileSettings {
  readonly builtins: ReadonlyMap<string, Builtin>;
  readonly hostFunctions: ReadonlyMap<string, Builtin>;
  readonly strict: boolean;
  readonly negation: 'whole' | 'lifted';
  /** Rules win over imports of the same name (regorus). */
  readonly localFirst: boolean;
  readonly typeCheck: boolean;
}

export interface Program {
  readonly modules: readonly ast.Module[];
  readonly tree: RuleTree;
  /** Absent when types were not checked. */
  readonly types: RuleTypes | undefined;
  readonly context: CompileContext;
}

/** @throws RegoErrors with the findings of the first stage that failed. */
export function compileModules(modules: readonly ast.Module[], settings: CompileSettings): Program {
  const diagnostics = new Diagnostics();
  const tree = buildTree(modules, diagnostics);
  const context: CompileContext = {
    diagnostics,
    tree,
    builtins: settings.builtins,
    hostFunctions: settings.hostFunctions,
    strict: settings.strict,
    negation: settings.negation,
  };
  const exported = exportsOf(modules);
  for (const module of modules) checkNames(module, settings.strict, diagnostics);
  const resolvers = new Map<ast.Module, Resolver>();
  for (const module of modules) {
    const globals = globalsOf(module, exported, settings.localFirst);
    resolvers.set(module, new Resolver(context, { globals, version: module.version }));
  }
  for (const definition of definitionsOf(tree)) {
    const resolver = resolvers.get(definition.module);
    if (resolver !== undefined) definition.branches = resolveDefinition(definition, resolver);
  }
  if (settings.strict) for (const [module, resolver] of resolvers) checkImports(module, resolver, diagnostics);
  diagnostics.throwIfAny();
  for (const definition of definitionsOf(tree)) for (const branch of definition.branches) orderBranch(branch, context);
  diagnostics.throwIfAny();
  const dependencies = dependenciesOf(tree);
  checkRecursion(dependencies, diagnostics);
  diagnostics.throwIfAny();
  const types = settings.typeCheck ? checkRuleTypes(tree, dependencyOrder(dependencies), diagnostics) : undefined;
  diagnostics.throwIfAny();
  return { modules, tree, types, context };
}

function* definitionsOf(tree: RuleTree): Iterable<Definition> {
  for (const node of tree.nodes) {
    if (node.defaultDefinition !== undefined) yield node.defaultDefinition;
    yield* node.definitions;
  }
}

/** Strict mode refuses imports that nothing uses. */
function checkImports(module: ast.Module, resolver: Resolver, diagnostics: Diagnostics): void {
  for (const node of module.imports) {
    const root = node.path[0];
    if ((root !== 'data' && root !== 'input') || resolver.functions.hasUsed(importName(node))) continue;
    diagnostics.add('imports', 'rego_compile_error', `import ${node.path.join('.')} unused`, node.loc);
  }
}

function resolveDefinition(definition: Definition, resolver: Resolver): Branch[] {
  const { rule } = definition;
  const { head } = rule;
  const written = head.kind === 'set' ? head.key : head.value;
  const branches = [resolveBranch(definition, resolver, rule.body, written, rule.loc)];
  for (const branch of rule.else) {
    branches.push(resolveBranch(definition, resolver, branch.body, branch.value, branch.loc));
  }
  return branches;
}

function resolveBranch(
  definition: Definition,
  resolver: Resolver,
  body: ast.Body,
  value: ast.Term | undefined,
  loc: ast.Location,
): Branch {
  const { head } = definition.rule;
  const { rest } = splitHead(head);
  const scope = NameScope.root();
  const heads = [...(value === undefined ? [] : [value]), ...rest];
  // The names of the body shadow globals in parameters too, so the scope is prepared before they are resolved.
  scope.prepare(body, [...heads, ...(head.args ?? [])]);
  const { params, statements } = resolver.parameters(head.args ?? [], scope);
  const resolved = [...statements, ...resolver.body(body, [...heads, ...(head.args ?? [])], scope)];
  const suffix = rest.map((part) => resolver.settle(resolver.term(part, scope), scope, resolved));
  const result: Term =
    value === undefined
      ? { kind: 'const', value: true, loc }
      : resolver.settle(resolver.term(value, scope), scope, resolved);
  resolver.finish(scope);
  return { scope, params, body: resolved, value: result, suffix, loc };
}

// ---------------------------------------------------------------------------------------------------------------------
// Queries

export interface CompiledQuery {
  readonly scope: NameScope;
  readonly body: Body;
  /** Variables that a result row shows. */
  readonly variables: readonly Local[];
}

/**
 * A query against a program, outside any package; `imports` and package names are not in scope.
 * @throws RegoErrors
 */
export function compileQuery(program: Program, query: ast.Query, version: ast.RegoVersion): CompiledQuery {
  const diagnostics = new Diagnostics();
  const context: CompileContext = { ...program.context, diagnostics };
  const globals: Globals = new Map();
  const resolver = new Resolver(context, { globals, version });
  const scope = NameScope.root();
  const body = resolver.body(query, [], scope);
  diagnostics.throwIfAny();
  const { ordered } = orderBody(body, new Set(), context);
  diagnostics.throwIfAny();
  if (program.types !== undefined) checkQueryTypes(program.tree, program.types, ordered, diagnostics);
  diagnostics.throwIfAny();
  return { scope, body: ordered, variables: reportable(scope.named(), scope) };
}
