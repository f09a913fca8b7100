/** `rego.metadata.rule()` and `rego.metadata.chain()`: the annotations that apply to a rule. */
import type { Annotation } from '../ast/types.js';
import type { Program } from '../compiler/compile.js';
import type { Definition } from '../compiler/ir.js';
import type { Value } from '../value/value.js';

export function metadataOf(program: Program, definition: Definition | undefined, what: 'chain' | 'rule'): Value {
  if (definition === undefined) return what === 'chain' ? [] : {};
  if (what === 'rule') return ruleAnnotation(definition)?.fields ?? {};
  return chainOf(program, definition);
}

function ruleAnnotation(definition: Definition): Annotation | undefined {
  return definition.module.annotations.find((a) => a.scope === 'rule' && a.target === definition.rule);
}

/** From the rule outwards: rule, document, package, subpackages of each enclosing package. Nodes without annotation but the rule's are left out. */
function chainOf(program: Program, definition: Definition): Value {
  const { path } = definition.node;
  const chain: Value[] = [];
  const push = (at: readonly string[], annotation: Annotation | undefined): void => {
    chain.push(annotation === undefined ? { path: at } : { path: at, annotations: annotation.fields });
  };
  push(path, ruleAnnotation(definition));
  const all = program.modules.flatMap((module) => module.annotations.map((annotation) => ({ module, annotation })));
  const document = all.find(
    ({ annotation }) =>
      annotation.scope === 'document' &&
      annotation.target.kind === 'rule' &&
      [definition, ...definition.node.definitions, definition.node.defaultDefinition].some(
        (d) => d?.rule === annotation.target,
      ),
  );
  if (document !== undefined) push(path, document.annotation);
  const home = definition.module.package.path;
  for (const { module, annotation } of all) {
    if (annotation.scope === 'package' && samePath(module.package.path, home)) push(home, annotation);
  }
  for (let length = home.length; length >= 0; length--) {
    for (const { module, annotation } of all) {
      if (annotation.scope === 'subpackages' && samePath(module.package.path, home.slice(0, length))) {
        push(module.package.path, annotation);
      }
    }
  }
  return chain;
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}
