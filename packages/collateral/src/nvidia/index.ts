export { NvidiaManifests, type NvidiaManifestsOptions } from './manifests.js';
export { NvidiaCollateral, type NvidiaCollateralOptions, type NvidiaCollateralSet } from './nvidia.js';
export { NVIDIA_NRAS, NvidiaRemote, type NvidiaRemoteOptions } from './remote.js';
export { NVIDIA_OCSP, NvidiaRevocation, type NvidiaRevocationOptions } from './revocation.js';
