export type { AnnotationReader } from './annotations.js';
export type { ParseOptions } from './cursor.js';
export { parseModule, parseQuery, parseTerm } from './module.js';
