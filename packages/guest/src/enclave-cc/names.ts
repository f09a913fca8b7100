/** Names and places of enclave-cc, release 0.9. */
export const SHIM_BINARY = 'containerd-shim-rune-v2';
/** containerd looks for the shim's binary by it. */
export const RUNTIME_TYPE = 'io.containerd.rune.v2';
/** Handler and name of the runtime class. */
export const RUNTIME_CLASS = 'enclave-cc';
/** Tells the Confidential Containers fork of containerd that the shim pulls images. */
export const CRI_HANDLER = 'cc';

export const SHIM_CONFIG_FILE = '/etc/enclave-cc/config.toml';
export const AGENT_INSTANCE = '/opt/confidential-containers/share/enclave-cc-agent-instance/';
export const BOOT_INSTANCE = '/opt/confidential-containers/share/enclave-cc-boot-instance/';
export const AGENT_ROOT_DIR = '/run/containerd/agent-enclave/';
export const APP_ROOT_DIR = '/run/enclave-cc/app/';
/** Where agents listen: a port of the host, as pods of the agent have no network namespace. */
export const AGENT_URL = 'tcp://127.0.0.1:7788';

/** Within the agent enclave: bundles of images. */
export const BUNDLES = '/run/enclave-cc/containers';
/** Within the agent enclave: what the host sees of images. */
export const IMAGES = '/images';

export const DECRYPT_CONFIG_FILE = '/etc/decrypt_config.conf';
export const OCICRYPT_CONFIG_FILE = '/etc/ocicrypt.conf';
/** Below an instance's rootfs: what Occlum mounts on `/etc` of the enclave. */
export const CONFIGS_FOLDER = '/configs';

export const OCCLUM_INSTANCE = '/run/rune/occlum_instance';
export const OCCLUM_RUN = `${OCCLUM_INSTANCE}/build/bin/occlum-run`;
export const AGENT_PROGRAM = '/bin/enclave-agent';
export const SGX_DEVICE = { path: '/dev/sgx_enclave', major: 10, minor: 125 } as const;
export const AESM_FOLDER = '/var/run/aesmd';

/** `hw`: on SGX. `sim`: Occlum's simulation mode, which protects nothing. */
export type EnclaveMode = 'hw' | 'sim';

export const CONTAINER_TYPE = 'io.kubernetes.cri.container-type';
export const SANDBOX_NAMESPACE = 'io.kubernetes.cri.sandbox-namespace';
export const IMAGE_NAME = 'io.kubernetes.cri.image-name';
