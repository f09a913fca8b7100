/** A runtime bundle's `config.json` (OCI runtime specification 1.0) out of an image's configuration. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type ImageConfig, malformed } from '../model/manifest.js';
import { userOf } from './user.js';

export interface SpecOptions {
  /** Unpacked root file system: names of users are looked up in it. */
  readonly rootfs: string;
  /** Instead of the image's command. */
  readonly args?: readonly string[];
  /** Where the image has no command either. Default: that is an error. */
  readonly fallbackArgs?: readonly string[];
  /** `NAME=VALUE`, added to the image's. */
  readonly env?: readonly string[];
  readonly hostname?: string;
  /** For a user who is not root: maps that user to root inside. */
  readonly rootless?: { readonly uid: number; readonly gid: number };
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** @throws AssayError `image.manifest.form` when nothing says what to run, or as whom */
export async function runtimeSpec(image: ImageConfig, options: SpecOptions): Promise<JsonObject> {
  const config = image.document['config'];
  const own: JsonObject = config !== undefined && isJsonObject(config) ? config : {};
  const ofImage = [...textsOf(own['Entrypoint']), ...textsOf(own['Cmd'])];
  const args = options.args ?? (ofImage.length > 0 ? ofImage : (options.fallbackArgs ?? []));
  if (args.length === 0) throw malformed('configuration', 'it names no command, and none was given');
  const imageEnv = textsOf(own['Env']);
  const path = imageEnv.some((entry) => entry.startsWith('PATH=')) ? [] : [DEFAULT_PATH];
  const { User: user, WorkingDir: cwd } = own;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { ...(await userOf(typeof user === 'string' ? user : '', options.rootfs)) },
      args: [...args],
      env: [...path, ...imageEnv, ...(options.env ?? [])],
      cwd: typeof cwd === 'string' && cwd.startsWith('/') ? cwd : '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: options.hostname ?? 'assay',
    mounts: mounts(options.rootless !== undefined),
    linux: {
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
        ...(options.rootless === undefined ? [] : [{ type: 'user' }]),
      ],
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      ...(options.rootless === undefined
        ? {}
        : {
            uidMappings: [{ containerID: 0, hostID: options.rootless.uid, size: 1 }],
            gidMappings: [{ containerID: 0, hostID: options.rootless.gid, size: 1 }],
          }),
    },
  };
}

function mounts(rootless: boolean): JsonValue[] {
  const pts = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...(rootless ? [] : ['gid=5'])];
  return [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: pts },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    ...(rootless
      ? []
      : [{ destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] }]),
  ];
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return value !== undefined && isJsonArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
