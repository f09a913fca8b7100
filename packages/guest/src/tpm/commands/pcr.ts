import { DecodeError } from '@assay/bytes';
import {
  hashOf,
  readPcrSelectionList,
  selectPcrs,
  type TpmHash,
  TpmWriter,
  writePcrSelectionList,
} from '@assay/evidence/tpm';
import { CC } from '../constants.js';
import { NO_PASSWORD } from '../session.js';
import { parametersOf, sized, type Tpm } from '../tpm.js';
import { TpmError } from '../tpm-error.js';

/** Times that reading begins again because a PCR was extended meanwhile. */
const TRIES = 5;
/** A TPM gives at most this many values at a time (TPML_DIGEST). */
const MOST_VALUES = 8;
const NAME = 'TPM2_PCR_Read';

/**
 * Values of PCRs of one bank, all of one moment: a TPM gives eight at a time, and a change in between starts over.
 *
 * @throws TpmError `unfit` where the bank or a PCR is not there
 */
export async function readPcrs(
  tpm: Tpm,
  bank: TpmHash,
  pcrs: readonly number[],
): Promise<ReadonlyMap<number, Uint8Array>> {
  for (let n = 0; n < TRIES; n += 1) {
    const values = await readOnce(tpm, bank, pcrs);
    if (values !== undefined) return values;
  }
  throw new TpmError('unfit', `PCRs of ${tpm.name} changed during each of ${TRIES} readings`, 'Try again later.');
}

async function readOnce(
  tpm: Tpm,
  bank: TpmHash,
  pcrs: readonly number[],
): Promise<ReadonlyMap<number, Uint8Array> | undefined> {
  const values = new Map<number, Uint8Array>();
  let counter: number | undefined;
  for (let left = [...new Set(pcrs)]; left.length > 0; left = left.filter((pcr) => !values.has(pcr))) {
    const page = await readPage(tpm, bank, left);
    if (counter !== undefined && page.counter !== counter) return undefined;
    counter = page.counter;
    if (page.values.size === 0) {
      throw new TpmError(
        'unfit',
        `${tpm.name} has no PCR ${left.join(', ')} in its ${bank} bank`,
        `Enable the ${bank} bank: in the firmware’s settings, or with \`swtpm_setup --pcr-banks ${bank}\`.`,
      );
    }
    for (const [pcr, value] of page.values) values.set(pcr, value);
  }
  return values;
}

interface Page {
  /** Rises with every change of a PCR (those for debugging apart). */
  readonly counter: number;
  readonly values: ReadonlyMap<number, Uint8Array>;
}

async function readPage(tpm: Tpm, bank: TpmHash, asked: readonly number[]): Promise<Page> {
  const parameters = writePcrSelectionList(new TpmWriter(), [selectPcrs(bank, asked)]).finish();
  const answer = await tpm.execute({ name: NAME, code: CC.pcrRead, parameters });
  return parametersOf(NAME, answer, (reader) => {
    const counter = reader.u32be('update counter');
    const at = reader.offset;
    const given = readPcrSelectionList(reader);
    const count = reader.u32be('number of values');
    const pcrs = given.flatMap((selection) => (selection.bank === bank ? selection.indexes : []));
    const others = given.some((selection) => selection.bank !== bank && selection.indexes.length > 0);
    if (others || count > MOST_VALUES || count !== pcrs.length || pcrs.some((pcr) => !asked.includes(pcr))) {
      throw new DecodeError(NAME, `${count} values do not fit the selection`, at);
    }
    const values = pcrs.map((pcr): [number, Uint8Array] => {
      const value = sized(reader, `PCR ${pcr}`);
      if (value.length !== hashOf(bank).size) throw new DecodeError(NAME, `PCR ${pcr} of ${value.length} bytes`);
      return [pcr, value];
    });
    return { counter, values: new Map(values) };
  });
}

/** A digest for one bank. */
export interface BankDigest {
  readonly bank: TpmHash;
  readonly digest: Uint8Array;
}

/** TPM2_PCR_Extend with one digest for each bank. Banks that are not named are not extended. */
export async function extendPcr(tpm: Tpm, pcr: number, digests: readonly BankDigest[]): Promise<void> {
  const name = 'TPM2_PCR_Extend';
  const parameters = new TpmWriter().u32(digests.length);
  for (const { bank, digest } of digests) {
    const { id, size } = hashOf(bank);
    if (digest.length !== size) throw new RangeError(`digest of ${digest.length} bytes for bank ${bank}`);
    parameters.u16(id).bytes(digest);
  }
  const answer = await tpm.execute({
    name,
    code: CC.pcrExtend,
    handles: [pcr],
    authorizations: [NO_PASSWORD],
    parameters: parameters.finish(),
  });
  parametersOf(name, answer, () => undefined);
}
