/** `@assay/storage/testing`: what tests of other packages need to run on a real back end. */
export { postgresForTests, type TestPostgres } from './start-postgres.js';
