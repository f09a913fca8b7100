import { randomBytes } from 'node:crypto';
import { AttesterError } from '../attester-error.js';
import { lineOf, type System } from '../system.js';

/** Kernel drivers behind configfs-tsm. */
export type TsmProvider = 'tdx_guest' | 'sev_guest' | 'arm_cca_guest';

export interface TsmReport {
  readonly outblob: Uint8Array;
  /** Certificates of the platform, where the driver has them. */
  readonly auxblob: Uint8Array;
}

const FOLDER = 'sys/kernel/config/tsm/report';

/**
 * Asks the kernel for a report (Linux `configfs-tsm-report` ABI). Each request has an entry of its own; `generation` tells whether
 * somebody else wrote to it meanwhile.
 *
 * @throws AttesterError
 */
export async function tsmReport(system: System, provider: TsmProvider, inblob: Uint8Array): Promise<TsmReport> {
  const entry = newEntry();
  await system.makeFolder(entry).catch((error: unknown) => {
    throw new AttesterError(`configfs-tsm: no report entry can be made below ${FOLDER}`, { cause: error });
  });
  try {
    await expectProvider(system, entry, provider);
    await system.write(`${entry}/inblob`, inblob);
    const outblob = await system.read(`${entry}/outblob`);
    const auxblob = await system.read(`${entry}/auxblob`).catch(absent);
    const generation = await lineOf(system, `${entry}/generation`);
    if (generation !== '1') throw new AttesterError('configfs-tsm: another writer changed the request');
    if (outblob.length === 0) throw new AttesterError('configfs-tsm: the report is empty');
    return { outblob, auxblob };
  } catch (error) {
    if (error instanceof AttesterError) throw error;
    throw new AttesterError(`configfs-tsm: ${provider} gave no report`, { cause: error });
  } finally {
    await system.removeFolder(entry).catch(() => undefined);
  }
}

/** The provider behind configfs-tsm, or undefined where there is none. */
export async function tsmProvider(system: System): Promise<string | undefined> {
  const entry = newEntry();
  try {
    await system.makeFolder(entry);
  } catch {
    return undefined;
  }
  try {
    return await lineOf(system, `${entry}/provider`);
  } finally {
    await system.removeFolder(entry).catch(() => undefined);
  }
}

function newEntry(): string {
  return `${FOLDER}/assay-${randomBytes(8).toString('hex')}`;
}

async function expectProvider(system: System, entry: string, provider: TsmProvider): Promise<void> {
  const found = Buffer.from(await system.read(`${entry}/provider`)).toString('utf8');
  if (found !== `${provider}\n`) throw new AttesterError(`configfs-tsm: the provider is not ${provider}`);
}

/** Drivers without certificates have no such attribute, or refuse to read it. */
function absent(error: NodeJS.ErrnoException): Uint8Array {
  if (error.code === 'ENOENT' || error.code === 'ENXIO' || error.code === 'EOPNOTSUPP') return new Uint8Array();
  throw error;
}
