/** Objects of Kubernetes for enclave-cc, as data. */
import { encodeBase64, encodeUtf8, type JsonObject } from '@assay/bytes';
import { renderDecryptConfig } from '../config/decrypt-config.js';
import { renderOcicryptConfig } from '../config/ocicrypt-config.js';
import { type EnclaveMode, OCCLUM_INSTANCE, OCCLUM_RUN, RUNTIME_CLASS, SGX_DEVICE } from '../names.js';

export const RUNTIME_CLASS_OBJECT: JsonObject = {
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name: RUNTIME_CLASS },
  handler: RUNTIME_CLASS,
};

/** Label that the installer gives to nodes. */
export const NODE_LABEL = 'confidentialcontainers.org/enclave-cc';
/** Resource of Intel's SGX device plug-in. */
export const EPC_RESOURCE = 'sgx.intel.com/epc';
const INSTALLER = '/opt/enclave-cc-artifacts/scripts/enclave-cc-deploy.sh';

export interface PayloadChoice {
  readonly mode: EnclaveMode;
  /** URL of the key broker. */
  readonly kbs: string;
  /** Release of the payload, as `v0.9.1`. */
  readonly release: string;
}

/** Image of the installer: its agent has the client of the key broker built in. */
export function payloadImage({ mode, release }: Pick<PayloadChoice, 'mode' | 'release'>): string {
  return `quay.io/confidential-containers/runtime-payload:enclave-cc-${mode.toUpperCase()}-cc-kbc-${release}`;
}

/** A CcRuntime of the Confidential Containers operator that installs enclave-cc on workers. */
export function ccRuntime({ mode, kbs, release }: PayloadChoice): JsonObject {
  const provider = `provider:attestation-agent:cc_kbc::${kbs}`;
  const mounts = [
    ['containerd-conf', '/etc/containerd/', ''],
    // The installer does not make this folder.
    ['enclave-cc-conf', '/etc/enclave-cc/', 'DirectoryOrCreate'],
    ['enclave-cc-artifacts', '/opt/confidential-containers/', 'DirectoryOrCreate'],
    ['dbus', '/var/run/dbus', ''],
    ['systemd', '/run/systemd', ''],
    ['local-bin', '/usr/local/bin/', ''],
  ] as const;
  return {
    apiVersion: 'confidentialcontainers.org/v1beta1',
    kind: 'CcRuntime',
    metadata: { name: `ccruntime-enclave-cc-sgx-mode-${mode}` },
    spec: {
      runtimeName: RUNTIME_CLASS,
      ccNodeSelector: { matchLabels: { 'node.kubernetes.io/worker': '' } },
      config: {
        installType: 'bundle',
        payloadImage: payloadImage({ mode, release }),
        installDoneLabel: { [NODE_LABEL]: 'true' },
        uninstallDoneLabel: { [NODE_LABEL]: 'cleanup' },
        installerVolumeMounts: mounts.map(([name, mountPath]) => ({ name, mountPath })),
        installerVolumes: mounts.map(([name, path, type]) => ({ name, hostPath: { path, type } })),
        installCmd: [INSTALLER, 'install'],
        uninstallCmd: [INSTALLER, 'cleanup'],
        cleanupCmd: [INSTALLER, 'reset'],
        runtimeClasses: [{ name: RUNTIME_CLASS, snapshotter: '', pulltype: '' }],
        environmentVariables: [
          { name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
          { name: 'CONFIGURE_CC', value: 'yes' },
          { name: 'DECRYPT_CONFIG', value: base64(renderDecryptConfig(provider, true)) },
          { name: 'OCICRYPT_CONFIG', value: base64(renderOcicryptConfig()) },
        ],
      },
    },
  };
}

export interface PodChoice {
  readonly mode: EnclaveMode;
  readonly image: string;
  /** Program in the image, with its arguments. */
  readonly command: readonly string[];
}

/** A pod whose program runs in an enclave. */
export function samplePod({ mode, image, command }: PodChoice): JsonObject {
  const hardware = mode === 'hw';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'enclave-cc-pod' },
    spec: {
      runtimeClassName: RUNTIME_CLASS,
      containers: [
        {
          name: 'app',
          image,
          imagePullPolicy: 'Always',
          workingDir: OCCLUM_INSTANCE,
          command: [OCCLUM_RUN, ...command],
          env: [{ name: 'OCCLUM_RELEASE_ENCLAVE', value: hardware ? '1' : '0' }],
          ...(hardware
            ? {
                resources: { limits: { [EPC_RESOURCE]: '600Mi' } },
                securityContext: { allowPrivilegeEscalation: false },
              }
            : {}),
        },
      ],
    },
  };
}

/** The device of SGX as an OCI specification has it. */
export const SGX_DEVICE_NODE: JsonObject = {
  path: SGX_DEVICE.path,
  type: 'c',
  major: SGX_DEVICE.major,
  minor: SGX_DEVICE.minor,
  fileMode: 0o666,
};

function base64(text: string): string {
  return encodeBase64(encodeUtf8(text));
}
