export { fuzzRuns, loadManifest, vectorsArea, vectorsRoot } from './vectors.js';
