import type { Attester } from './attester.js';
import { AttesterError } from './attester-error.js';
import { AGENT_LOG } from './hardware/cc-event-log.js';
import { ccaAttester } from './hardware/cca.js';
import { gramineAttester, isGramine } from './hardware/sgx.js';
import { snpAttester } from './hardware/snp.js';
import { tdxAttester } from './hardware/tdx.js';
import { tsmProvider } from './hardware/tsm-report.js';
import { sampleAttester, sampleDeviceAttester } from './sample.js';
import { lineOf, type System } from './system.js';

/** What a guest finds out about itself with. */
export interface Platform {
  readonly system: System;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process.arch`. */
  readonly arch: string;
}

/** The attester of the TEE that this guest runs in, in upstream's order; `sample`, which proves nothing, where there is none. */
export async function detectAttester(platform: Platform): Promise<Attester> {
  const { system, env, arch } = platform;
  const provider = await tsmProvider(system);
  if (provider === 'tdx_guest') return tdxAttester(system, env['AAEL_PATH']);
  if (await system.exists('dev/tdx_guest')) throw missing('TDX', NO_CONFIGFS);
  if (await isGramine(system)) return gramineAttester(system);
  if (env['OCCLUM'] !== undefined) throw missing('SGX in Occlum', `its quotes ${NEED_IOCTL}`);
  const azure = await azureOf(platform);
  if (azure !== undefined) return azure;
  if (provider === 'sev_guest') return snpAttester(system);
  if (await system.exists('sys/devices/platform/sev-guest')) throw missing('SNP', NO_CONFIGFS);
  if (await system.exists('dev/csv-guest')) throw missing('CSV', `its reports ${NEED_IOCTL}`);
  if (arch === 'arm64' && provider === 'arm_cca_guest') return ccaAttester(system);
  if (await isSecureExecution(system)) throw missing('IBM SE', `its requests ${NEED_IOCTL}`);
  return (await tpmOf(platform)) ?? sampleAttester();
}

const NO_CONFIGFS = 'this kernel shows no configfs-tsm; mount configfs, or use Linux 6.7 or later';
const NEED_IOCTL = 'need an ioctl, which Node.js has not; keep the Attestation Agent of Confidential Containers there';

/** Devices that are here, and in no evidence: their vendors' interfaces are libraries and ioctls. */
export async function unspokenDevices({ system }: Platform): Promise<readonly string[]> {
  const found: string[] = [];
  if (await system.exists('dev/nvidiactl')) found.push('an NVIDIA GPU');
  if (await system.exists('dev/mkfd')) found.push('a Hygon DCU');
  return found;
}

/** Attesters of devices beside the CPU. */
export function detectDevices({ env }: Platform): readonly Attester[] {
  return env['ENABLE_SAMPLE_DEVICE'] === undefined ? [] : [sampleDeviceAttester()];
}

const TPM_DEVICES = ['dev/tpmrm0', 'dev/tpm0', 'dev/tpm1', 'dev/tpm2'];

/** The TPM that is named, or the first that is there. */
async function tpmAddress({ system, env }: Platform): Promise<string | undefined> {
  const asked = env['AA_TPM_DEVICE'];
  if (asked !== undefined) return asked;
  for (const device of TPM_DEVICES) if (await system.exists(device)) return `/${device}`;
  return undefined;
}

/** Azure hides the hardware from its guests: a report in the vTPM's NV memory tells what it is. */
async function azureOf(platform: Platform): Promise<Attester | undefined> {
  const address = await tpmAddress(platform);
  if (address === undefined) return undefined;
  const { azureAttester, azureKind } = await import('./azure.js');
  const kind = await azureKind(address);
  return kind === undefined ? undefined : azureAttester(kind, { address, agentLog: agentLogOf(platform) });
}

async function tpmOf(platform: Platform): Promise<Attester | undefined> {
  const address = await tpmAddress(platform);
  if (address === undefined) return undefined;
  const handle = platform.env['AA_TPM_AK_HANDLE'];
  if (handle !== undefined && !/^(0x)?[0-9a-fA-F]{1,8}$/.test(handle))
    throw new AttesterError('AA_TPM_AK_HANDLE must be a handle in hexadecimal');
  // Loaded only where there is a TPM.
  const { tpmAttester } = await import('./tpm.js');
  return tpmAttester({
    address,
    agentLog: agentLogOf(platform),
    ...(handle === undefined ? {} : { key: { handle: Number.parseInt(handle, 16) } }),
  });
}

function agentLogOf({ env }: Platform): string {
  return env['AAEL_PATH'] ?? `/${AGENT_LOG}`;
}

/** A TEE was found and cannot be spoken for: going on as `sample` would only hide that. */
function missing(tee: string, why: string): AttesterError {
  return new AttesterError(`${tee} was detected, and cannot be spoken for: ${why}`);
}

async function isSecureExecution(system: System): Promise<boolean> {
  return (await lineOf(system, 'sys/firmware/uv/prot_virt_guest')) === '1';
}
