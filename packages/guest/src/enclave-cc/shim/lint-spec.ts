/** What stands in an application's specification, and decides whether its program runs in an enclave. */
import { isJsonArray, isJsonObject, type JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { Judge, member } from '../config/judge.js';
import { OCCLUM_INSTANCE, OCCLUM_RUN, SGX_DEVICE } from '../names.js';
import { argumentsOf, environmentOf, objectIn, type RuntimeSpec } from './spec.js';

/** @param where the container, for findings */
export function lintContainerSpec(spec: RuntimeSpec, where: string): readonly FindingDraft[] {
  const judge = new Judge(where);
  const [program] = argumentsOf(spec);
  if (program === OCCLUM_RUN) judge.good('process.args', program);
  else
    judge.wrong(
      'process.args',
      program ?? null,
      `${OCCLUM_RUN} PROGRAM …: without it the program runs outside of an enclave`,
    );
  const folder = objectIn(spec, 'process')['cwd'];
  if (typeof folder === 'string' && folder.replace(/\/$/, '') === OCCLUM_INSTANCE) judge.good('process.cwd');
  else judge.wrong('process.cwd', folder ?? null, OCCLUM_INSTANCE);
  const env = environmentOf(spec);
  const release = env.get('OCCLUM_RELEASE_ENCLAVE');
  if (release === '0' || release === '1') judge.good('process.env.OCCLUM_RELEASE_ENCLAVE', release);
  else judge.wrong('process.env.OCCLUM_RELEASE_ENCLAVE', release ?? null, '1 on SGX, 0 in simulation');
  if (release === '0') {
    const remedy = `Set OCCLUM_RELEASE_ENCLAVE of ${where} to 1, where there is SGX.`;
    judge.trusting('process.env.OCCLUM_RELEASE_ENCLAVE', 'simulation protects nothing', remedy);
  }
  if (release === '1') lintDevice(spec, judge);
  if (env.has('ENCLAVE_AGENT')) {
    const remedy = `Remove ENCLAVE_AGENT from ${where}: with it the boot instance mounts no image.`;
    judge.wrong('process.env.ENCLAVE_AGENT', env.get('ENCLAVE_AGENT') ?? null, 'absent', remedy);
  }
  return judge.findings;
}

function lintDevice(spec: RuntimeSpec, judge: Judge): void {
  const { path, major, minor } = SGX_DEVICE;
  const key = `linux.devices ${path}`;
  const device = devicesOf(spec).find((entry) => entry['path'] === path);
  if (device === undefined) judge.missing(key, `character device ${major}:${minor}`);
  else if (device['type'] !== 'c' || device['major'] !== major || device['minor'] !== minor)
    judge.wrong(key, [device['type'] ?? null, device['major'] ?? null, device['minor'] ?? null], `c ${major}:${minor}`);
  else judge.good(key);
}

function devicesOf(spec: RuntimeSpec): readonly JsonObject[] {
  const devices = member(objectIn(spec, 'linux'), 'devices');
  return devices !== undefined && isJsonArray(devices) ? devices.filter(isJsonObject) : [];
}
