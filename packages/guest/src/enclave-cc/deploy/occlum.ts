/** `Occlum.json`: what is measured into the one enclave that is agent and boot instance. */
import { isJsonArray, isJsonObject, type JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { Judge, member } from '../config/judge.js';
import { AGENT_PROGRAM, CONFIGS_FOLDER, type EnclaveMode } from '../names.js';
import { objectIn } from '../shim/spec.js';

const LIMITS = {
  user_space_size: '2000MB',
  kernel_space_heap_size: '1024MB',
  kernel_space_stack_size: '128MB',
  max_num_of_threads: 8,
} as const;
const LIBRARIES =
  'LD_LIBRARY_PATH=/opt/occlum/glibc/lib:/lib/x86_64-linux-gnu:/usr/local/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/usr/local/lib';
const ROLE = 'ENCLAVE_AGENT';

/** What a build sets in the file that `occlum init` writes; everything else stays. */
export function occlumConfig(base: JsonObject, mode: EnclaveMode): JsonObject {
  const env = objectIn(base, 'env');
  return {
    ...base,
    resource_limits: { ...objectIn(base, 'resource_limits'), ...LIMITS },
    entry_points: [AGENT_PROGRAM],
    env: {
      ...env,
      default: [...textsIn(env, 'default').filter((text) => !text.startsWith('LD_LIBRARY_PATH=')), LIBRARIES],
      untrusted: [...textsIn(env, 'untrusted').filter((text) => text !== ROLE), ROLE],
    },
    metadata: { ...objectIn(base, 'metadata'), debuggable: mode === 'sim' },
    mount: [
      ...mountsIn(base).filter(({ target }) => target !== '/etc/'),
      { target: '/etc/', type: 'hostfs', source: CONFIGS_FOLDER },
    ],
  };
}

/** Judges the file of a build. */
export function lintOcclumConfig(config: JsonObject, file: string, mode: EnclaveMode): readonly FindingDraft[] {
  const judge = new Judge(file);
  const limits = objectIn(config, 'resource_limits');
  for (const [name, due] of Object.entries(LIMITS)) {
    const key = `resource_limits.${name}`;
    const actual = member(limits, name);
    if (actual === due) judge.good(key, String(due));
    else
      judge.doubtful(
        key,
        actual ?? null,
        String(due),
        `Set ${key} in ${file} to ${due}, as the payload has it, or measure your own.`,
      );
  }
  const entries = member(config, 'entry_points');
  const programs = entries !== undefined && isJsonArray(entries) ? entries : [];
  if (programs.length === 1 && programs[0] === AGENT_PROGRAM) judge.good('entry_points');
  else judge.wrong('entry_points', programs, `["${AGENT_PROGRAM}"]: the host chooses among what stands here`);
  const env = objectIn(config, 'env');
  const untrusted = textsIn(env, 'untrusted');
  if (untrusted.includes(ROLE)) judge.good('env.untrusted');
  else judge.missing('env.untrusted', `"${ROLE}": the agent's role comes from the host`);
  for (const name of untrusted.filter((text) => text !== ROLE))
    judge.trusting(
      'env.untrusted',
      `the host sets ${name}`,
      `Remove ${name} from env.untrusted of ${file}, or read it as what the host says.`,
    );
  const mounts = mountsIn(config);
  const configs = mounts.find(({ target }) => target === '/etc/' || target === '/etc');
  if (configs === undefined)
    judge.missing('mount /etc/', `{"target": "/etc/", "type": "hostfs", "source": "${CONFIGS_FOLDER}"}`);
  else if (configs['type'] !== 'hostfs' || configs['source'] !== CONFIGS_FOLDER)
    judge.wrong('mount /etc/', [configs['type'] ?? null, configs['source'] ?? null], `hostfs ${CONFIGS_FOLDER}`);
  else judge.good('mount /etc/');
  for (const { target } of mounts.filter(
    ({ type, target }) => type === 'hostfs' && target !== '/etc/' && target !== '/etc' && target !== '/host',
  )) {
    const name = typeof target === 'string' ? target : '?';
    judge.trusting(
      `mount ${name}`,
      'its files are the host’s',
      `Mount nothing of the host on ${name} in ${file}, or read it as what the host says.`,
    );
  }
  const debuggable = objectIn(config, 'metadata')['debuggable'];
  if (mode === 'hw' && debuggable !== false) judge.debuggable();
  else judge.good('metadata.debuggable');
  return judge.findings;
}

function textsIn(parent: JsonObject, name: string): readonly string[] {
  const value = member(parent, name);
  return value !== undefined && isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function mountsIn(config: JsonObject): readonly JsonObject[] {
  const value = member(config, 'mount');
  return value !== undefined && isJsonArray(value) ? value.filter(isJsonObject) : [];
}
