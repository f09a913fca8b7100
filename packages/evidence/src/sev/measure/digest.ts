/** The launch digest of SEV and SEV-ES: what LAUNCH_MEASURE covers, computed from the artifacts. */
import { createHash } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import { readFirmwareTable } from './footer.js';
import { type DirectBoot, kernelHashTable } from './kernel-hashes.js';
import { type FpuState, sevEsVmsa } from './vmsa.js';

const HASH_TABLE_ENTRY = '7255371f-3a3b-4b04-927b-1da6efa8d454';
const RESET_BLOCK = '00f771de-1a7e-4fcb-890e-68c77e2fb44e';
/** First instruction of the first vCPU. */
const BOOT_EIP = 0xffff_fff0;
const MOST_VCPUS = 4096;

export interface SevLaunch {
  /** The firmware file, whole. */
  readonly firmware: Uint8Array;
  /** Absent: a launch without a kernel path, in which no hash table is measured. */
  readonly boot?: DirectBoot;
  /** Encrypted register state: a page per vCPU is measured. */
  readonly es?: { readonly vcpus: number; readonly cpuSignature: number; readonly fpu?: FpuState };
}

/**
 * SHA-256 of firmware, kernel hash table and register pages.
 *
 * @throws DecodeError for firmware whose table is malformed or lacks what this launch needs, RangeError for a count of vCPUs
 */
export function sevLaunchDigest({ firmware, boot, es }: SevLaunch): Uint8Array {
  const hash = createHash('sha256').update(firmware);
  const table = boot === undefined && es === undefined ? undefined : readFirmwareTable(firmware);
  if (boot !== undefined) {
    if (table?.has(HASH_TABLE_ENTRY) !== true)
      throw new DecodeError('firmware', 'it has no place for kernel hashes, so it boots no measured kernel');
    hash.update(kernelHashTable(boot));
  }
  if (es !== undefined) {
    if (!Number.isInteger(es.vcpus) || es.vcpus < 1 || es.vcpus > MOST_VCPUS)
      throw new RangeError(`${es.vcpus} vCPUs; 1 to ${MOST_VCPUS} are measured`);
    const others = es.vcpus === 1 ? 0 : resetEip(table?.get(RESET_BLOCK));
    const registers = { signature: es.cpuSignature, ...(es.fpu === undefined ? {} : { fpu: es.fpu }) };
    const first = sevEsVmsa({ ...registers, eip: BOOT_EIP });
    hash.update(first);
    if (es.vcpus > 1) {
      const page = sevEsVmsa({ ...registers, eip: others });
      for (let n = 1; n < es.vcpus; n += 1) hash.update(page);
    }
  }
  return new Uint8Array(hash.digest());
}

function resetEip(block: Uint8Array | undefined): number {
  if (block === undefined || block.length < 4)
    throw new DecodeError('firmware', 'it has no SEV-ES reset block, so it starts no second vCPU');
  return new DataView(block.buffer, block.byteOffset).getUint32(0, true);
}
