/** Writes docs/reference/findings.md from the register: `npx tsx --conditions=@assay/source packages/bytes/scripts/write-reference.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderReference } from '../src/findings/index.js';

const folder = new URL('../../../docs/reference/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(fileURLToPath(new URL('findings.md', folder)), renderReference());
