export { removeTemporaryFolders, temporaryFolder } from './temporary.js';
export { fuzzRuns, loadManifest, vectorsArea, vectorsRoot } from './vectors.js';
