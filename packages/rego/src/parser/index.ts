export type { YamlReader } from './annotations.js';
export type { ParseOptions } from './cursor.js';
export { annotationErrors, parseModule, parseQuery, parseTerm } from './module.js';
