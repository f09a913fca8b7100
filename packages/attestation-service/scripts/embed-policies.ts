/** Writes src/policy/default-policies.ts from policies/*.rego, so that sources and builds carry the same texts. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../policies/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.rego'))
  .sort();
const entries = names.map((name) => {
  const text = readFileSync(new URL(name, folder), 'utf8');
  const literal = text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');
  return `  ${name.slice(0, -'.rego'.length)}: \`${literal}\`,`;
});
const source = [
  '// Made from policies/*.rego by scripts/embed-policies.ts; a test compares the two.',
  '',
  '/** Policies that are stored at the first start, by their stored id. */',
  'export const DEFAULT_POLICIES: { readonly [id: string]: string } = {',
  ...entries,
  '};',
  '',
].join('\n');
writeFileSync(new URL('../src/policy/default-policies.ts', import.meta.url), source);
