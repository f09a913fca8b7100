/** `config.json` of the agent's bundle: how the host's runtime starts an agent enclave. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { Judge, member } from '../config/judge.js';
import { isLoopback } from '../config/shim-config.js';
import {
  AESM_FOLDER,
  AGENT_PROGRAM,
  AGENT_URL,
  DECRYPT_CONFIG_FILE,
  type EnclaveMode,
  OCCLUM_INSTANCE,
  OCCLUM_RUN,
  OCICRYPT_CONFIG_FILE,
  SGX_DEVICE,
} from '../names.js';
import { argumentsOf, environmentOf, objectIn } from '../shim/spec.js';
import { SGX_DEVICE_NODE } from './kubernetes.js';

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
/** No network namespace: shims reach agents over the host's loopback. */
const NAMESPACES = ['pid', 'ipc', 'uts', 'mount'];

/** The configuration for a mode, with a fixed list of what the agent is given. */
export function agentBundleConfig(mode: EnclaveMode, listen = AGENT_URL): JsonObject {
  const hardware = mode === 'hw';
  const { major, minor } = SGX_DEVICE;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [OCCLUM_RUN, AGENT_PROGRAM, '-c', DECRYPT_CONFIG_FILE, '-o', OCICRYPT_CONFIG_FILE, '-l', listen],
      env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'ENCLAVE_AGENT=true',
        `OCCLUM_RELEASE_ENCLAVE=${hardware ? '1' : '0'}`,
        ...(hardware ? ['SGX_AESM_ADDR=1'] : []),
      ],
      cwd: OCCLUM_INSTANCE,
      capabilities: Object.fromEntries(['bounding', 'effective', 'permitted'].map((set) => [set, CAPABILITIES])),
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    hostname: 'rune',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755'] },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      ...['/etc/resolv.conf', '/etc/hostname'].map((path) => ({
        destination: path,
        type: 'bind',
        source: path,
        options: ['rbind', 'ro'],
      })),
      ...(hardware ? [{ destination: AESM_FOLDER, type: 'bind', source: AESM_FOLDER, options: ['rbind', 'rw'] }] : []),
    ],
    linux: {
      ...(hardware ? { devices: [SGX_DEVICE_NODE] } : {}),
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          ...(hardware ? [{ allow: true, type: 'c', major, minor, access: 'rwm' }] : []),
        ],
      },
      namespaces: NAMESPACES.map((type) => ({ type })),
    },
  };
}

/** Judges a bundle's configuration. */
export function lintAgentBundle(config: JsonObject, file: string, mode: EnclaveMode): readonly FindingDraft[] {
  const judge = new Judge(file);
  const args = argumentsOf(config);
  if (args[0] !== OCCLUM_RUN || args[1] !== AGENT_PROGRAM)
    judge.wrong('process.args', [...args.slice(0, 2)], `[${OCCLUM_RUN}, ${AGENT_PROGRAM}, …]`);
  else judge.good('process.args');
  lintListen(args, judge, file);
  const env = environmentOf(config);
  const role = env.get('ENCLAVE_AGENT');
  if (role === 'true' || role === 'TRUE' || role === '1') judge.good('process.env.ENCLAVE_AGENT', role);
  else
    judge.wrong(
      'process.env.ENCLAVE_AGENT',
      role ?? null,
      'true: without it the enclave waits for an image, as an application',
    );
  const due = mode === 'hw' ? '1' : '0';
  const release = env.get('OCCLUM_RELEASE_ENCLAVE');
  if (release === due) judge.good('process.env.OCCLUM_RELEASE_ENCLAVE', due);
  else judge.wrong('process.env.OCCLUM_RELEASE_ENCLAVE', release ?? null, `"${due}"`);
  const namespaces = listIn(objectIn(config, 'linux'), 'namespaces').map((entry) => entry['type']);
  if (namespaces.includes('network')) {
    const remedy = `Remove the network namespace from ${file}: the shim dials the host's loopback.`;
    judge.wrong('linux.namespaces', 'network', 'none of the network', remedy);
  } else judge.good('linux.namespaces');
  if (objectIn(config, 'process')['noNewPrivileges'] !== true)
    judge.doubtful('process.noNewPrivileges', false, 'true', `Set process.noNewPrivileges in ${file} to true.`);
  if (mode === 'hw') lintHardware(config, env, judge);
  return judge.findings;
}

function lintListen(args: readonly string[], judge: Judge, file: string): void {
  const at = args.indexOf('-l');
  const listen = at < 0 ? undefined : args[at + 1];
  if (listen !== undefined && isLoopback(listen)) {
    judge.good('process.args -l', listen);
    return;
  }
  const remedy = `Add "-l", "${AGENT_URL}" to process.args of ${file}: the agent's own default is open to other machines.`;
  judge.doubtful('process.args -l', listen ?? null, AGENT_URL, remedy);
}

function lintHardware(config: JsonObject, env: ReadonlyMap<string, string>, judge: Judge): void {
  const devices = listIn(objectIn(config, 'linux'), 'devices');
  const { path, major, minor } = SGX_DEVICE;
  const device = devices.find((entry) => entry['path'] === path);
  if (device === undefined) judge.missing(`linux.devices ${path}`, `character device ${major}:${minor}`);
  else if (device['major'] !== major || device['minor'] !== minor || device['type'] !== 'c')
    judge.wrong(
      `linux.devices ${path}`,
      [device['type'] ?? null, device['major'] ?? null, device['minor'] ?? null],
      `c ${major}:${minor}`,
    );
  else judge.good(`linux.devices ${path}`);
  const aesm = listIn(config, 'mounts').some((mount) => mount['destination'] === AESM_FOLDER);
  if (aesm) judge.good(`mounts ${AESM_FOLDER}`);
  else
    judge.missing(`mounts ${AESM_FOLDER}`, 'a bind mount of the folder of the same name: quotes are asked for there');
  if (!env.has('SGX_AESM_ADDR')) judge.missing('process.env.SGX_AESM_ADDR', '1');
  else judge.good('process.env.SGX_AESM_ADDR');
}

function listIn(parent: JsonObject, name: string): readonly JsonObject[] {
  const value: JsonValue | undefined = member(parent, name);
  return value !== undefined && isJsonArray(value) ? value.filter(isJsonObject) : [];
}
