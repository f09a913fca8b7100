// Writes src/policy/texts.gen.ts from policies/*.rego, so that the shipped policies work from sources and from the build alike.
// Run: node packages/kbs/scripts/embed-policies.mjs (a test compares).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export function embedded() {
  const files = readdirSync(join(root, 'policies')).filter((file) => file.endsWith('.rego'));
  const entries = files.sort().map((file) => {
    const text = readFileSync(join(root, 'policies', file), 'utf8').replace(/[\\`]|\$\{/g, '\\$&');
    return `  ${file.replace('.rego', '')}: \`${text}\`,`;
  });
  return [
    '// Made by scripts/embed-policies.mjs from policies/*.rego. Change those.',
    '/** Resource policies that come with the service, by name. */',
    'export const POLICY_TEXTS = {',
    ...entries,
    '} as const;',
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'src', 'policy', 'texts.gen.ts'), embedded());
}
