/** The YAML reader for METADATA blocks. Not part of the browser entry point. */
import { parse } from 'yaml';
import type { YamlReader } from './annotations.js';

export const readYaml: YamlReader = (text) =>
  parse(text, { schema: 'core', uniqueKeys: true, maxAliasCount: 20, logLevel: 'error' });
