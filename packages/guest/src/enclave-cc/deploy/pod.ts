/** What is wrong with a pod for enclave-cc. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { Judge, member } from '../config/judge.js';
import { containerIdOf, isContainerId } from '../container-id.js';
import { type EnclaveMode, OCCLUM_INSTANCE, OCCLUM_RUN, RUNTIME_CLASS } from '../names.js';
import { objectIn } from '../shim/spec.js';
import { EPC_RESOURCE } from './kubernetes.js';

/** @param spec `spec` of a pod. @param where the pod, for findings */
export function lintPodSpec(spec: JsonObject, where: string, mode: EnclaveMode): readonly FindingDraft[] {
  const judge = new Judge(where);
  const isClass = { fits: (text: string) => text === RUNTIME_CLASS, expected: RUNTIME_CLASS };
  judge.text(spec, 'runtimeClassName', isClass);
  const containers = member(spec, 'containers');
  const listed = containers !== undefined && isJsonArray(containers) ? containers.filter(isJsonObject) : [];
  if (listed.length === 0) judge.missing('containers', 'at least one container');
  for (const container of listed) lintContainer(container, judge, mode);
  return [...judge.findings, ...imageFindings(listed, where)];
}

function lintContainer(container: JsonObject, judge: Judge, mode: EnclaveMode): void {
  const name = typeof container['name'] === 'string' ? container['name'] : '?';
  const key = (of: string): string => `${name}.${of}`;
  const [program] = textsOf(container['command']);
  if (program !== OCCLUM_RUN)
    judge.wrong(
      key('command'),
      program ?? null,
      `${OCCLUM_RUN} PROGRAM …: without it the program runs outside of an enclave`,
    );
  else judge.good(key('command'), program);
  const folder = member(container, 'workingDir');
  if (folder === undefined || (typeof folder === 'string' && folder.replace(/\/$/, '') === OCCLUM_INSTANCE))
    judge.good(key('workingDir'));
  else judge.wrong(key('workingDir'), folder, OCCLUM_INSTANCE);
  const env = environmentOf(container);
  const due = mode === 'hw' ? '1' : '0';
  const release = env.get('OCCLUM_RELEASE_ENCLAVE');
  if (release === due) judge.good(key('env.OCCLUM_RELEASE_ENCLAVE'), due);
  else
    judge.wrong(
      key('env.OCCLUM_RELEASE_ENCLAVE'),
      release ?? null,
      `"${due}" (${mode === 'hw' ? 'hardware' : 'simulation'})`,
    );
  if (env.has('ENCLAVE_AGENT')) {
    const remedy = `Remove ENCLAVE_AGENT from ${name}: with it the boot instance stays in its own root, and mounts no image.`;
    judge.wrong(key('env.ENCLAVE_AGENT'), env.get('ENCLAVE_AGENT') ?? null, 'absent', remedy);
  }
  if (mode === 'hw' && member(objectIn(objectIn(container, 'resources'), 'limits'), EPC_RESOURCE) === undefined)
    judge.missing(key(`resources.limits."${EPC_RESOURCE}"`), 'memory of enclaves, as 600Mi');
}

/** Container ids follow from the last component alone: two images of a pod with the same one are one to the agent. */
function imageFindings(containers: readonly JsonObject[], where: string): FindingDraft[] {
  const holders = new Map<string, string>();
  return containers.map((container) => {
    const image = typeof container['image'] === 'string' ? container['image'] : '';
    const id = image.slice(image.lastIndexOf('/') + 1) === '' ? '' : containerIdOf(image);
    const holder = holders.get(id);
    holders.set(id, holder ?? image);
    const subject = `${where} ${image}`;
    const expected = !isContainerId(id)
      ? 'letters, digits, `.`, `-`, `_`; at least two'
      : holder !== undefined && holder !== image
        ? `it is that of ${holder}`
        : undefined;
    if (expected === undefined) return passed('enclave-cc.image.name', subject, id);
    const params = { image, actual: id === '' ? 'none' : id, expected };
    return failed('enclave-cc.image.name', {
      params,
      subject,
      expected,
      actual: id,
      source: 'enclave-cc 0.9: ids of containers',
    });
  });
}

function environmentOf(container: JsonObject): ReadonlyMap<string, string> {
  const env = member(container, 'env');
  const entries = env !== undefined && isJsonArray(env) ? env.filter(isJsonObject) : [];
  return new Map(entries.map((entry): [string, string] => [textOf(entry['name']), textOf(entry['value'])]));
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return value !== undefined && isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** What is no text is none: objects of a manifest may have anything in them. */
function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
