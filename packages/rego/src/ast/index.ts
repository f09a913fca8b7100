export * from './build.js';
export * from './errors.js';
export * from './to-json.js';
export * from './types.js';
export * from './visit.js';
