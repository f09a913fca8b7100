import { DecodeError } from '@assay/bytes';
import { TpmWriter } from '@assay/evidence/tpm';
import { ALG, CC, NV, RH } from '../constants.js';
import { NO_PASSWORD } from '../session.js';
import { parametersOf, readingResponse, sized, type Tpm } from '../tpm.js';
import { TpmError } from '../tpm-error.js';
import { tpmProperties } from './capability.js';

/** The public area of an NV index (TPMS_NV_PUBLIC). */
export interface NvPublic {
  readonly index: number;
  readonly nameAlg: number;
  /** TPMA_NV. */
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  /** Bytes that it holds. */
  readonly size: number;
}

/** Where a TPM does not say how much goes at a time. */
const SMALLEST_BUFFER = 512;
const LARGEST_BUFFER = 2048;
/** TPM_RC_HANDLE about the first handle: there is no such index. */
const NO_INDEX = 0x18b;

/** TPM2_NV_ReadPublic. @returns undefined where there is no such index */
export async function readNvPublic(tpm: Tpm, index: number): Promise<NvPublic | undefined> {
  const name = 'TPM2_NV_ReadPublic';
  const answer = await tpm.execute({ name, code: CC.nvReadPublic, handles: [index] }).catch((error: unknown) => {
    if (error instanceof TpmError && error.code === NO_INDEX) return undefined;
    throw error;
  });
  if (answer === undefined) return undefined;
  const area = parametersOf(name, answer, (reader) => {
    const publicArea = sized(reader, 'NV public area');
    sized(reader, 'name');
    return publicArea;
  });
  return readingResponse(name, area, (reader) => {
    const found = {
      index: reader.u32be('index'),
      nameAlg: reader.u16be('name algorithm'),
      attributes: reader.u32be('attributes'),
      authPolicy: sized(reader, 'policy'),
      size: reader.u16be('size'),
    };
    reader.end();
    if (found.index !== index) throw new DecodeError(name, `index ${found.index} instead of ${index}`, 0);
    return found;
  });
}

/** Everything an NV index holds. @throws TpmError `unfit` where there is no such index */
export async function readNv(tpm: Tpm, index: number): Promise<Uint8Array> {
  const area = await existing(tpm, index);
  const bytes = new Uint8Array(area.size);
  const most = await bufferSize(tpm);
  for (let at = 0; at < bytes.length; ) {
    const piece = await readPiece(tpm, area, at, Math.min(most, bytes.length - at));
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function readPiece(tpm: Tpm, area: NvPublic, offset: number, length: number): Promise<Uint8Array> {
  const name = 'TPM2_NV_Read';
  const answer = await tpm.execute({
    name,
    code: CC.nvRead,
    handles: [authorityOf(area, NV.authRead), area.index],
    authorizations: [NO_PASSWORD],
    parameters: new TpmWriter().u16(length).u16(offset).finish(),
  });
  return parametersOf(name, answer, (reader) => {
    const piece = sized(reader, 'data');
    if (piece.length !== length) throw new DecodeError(name, `${piece.length} bytes where ${length} were asked for`, 0);
    return piece;
  });
}

/** Writes the beginning of an NV index, in pieces. @throws TpmError `unfit` where it is not there or too small */
export async function writeNv(tpm: Tpm, index: number, bytes: Uint8Array): Promise<void> {
  const name = 'TPM2_NV_Write';
  const area = await existing(tpm, index);
  if (bytes.length > area.size) {
    throw new TpmError(
      'unfit',
      `NV index ${hex(index)} holds ${area.size} bytes; ${bytes.length} are to be written`,
      'Define it larger.',
    );
  }
  const most = await bufferSize(tpm);
  for (let at = 0; at < bytes.length; at += most) {
    const answer = await tpm.execute({
      name,
      code: CC.nvWrite,
      handles: [authorityOf(area, NV.authWrite), index],
      authorizations: [NO_PASSWORD],
      parameters: new TpmWriter()
        .sized(bytes.subarray(at, at + most))
        .u16(at)
        .finish(),
    });
    parametersOf(name, answer, () => undefined);
  }
}

/** TPM2_NV_DefineSpace by the owner, without password and policy; for emulators and tests. */
export async function defineNv(tpm: Tpm, index: number, size: number, attributes: number): Promise<void> {
  const name = 'TPM2_NV_DefineSpace';
  const area = new TpmWriter().u32(index).u16(ALG.sha256).u32(attributes).u16(0).u16(size).finish();
  const answer = await tpm.execute({
    name,
    code: CC.nvDefineSpace,
    handles: [RH.owner],
    authorizations: [NO_PASSWORD],
    parameters: new TpmWriter().u16(0).sized(area).finish(),
  });
  parametersOf(name, answer, () => undefined);
}

async function existing(tpm: Tpm, index: number): Promise<NvPublic> {
  const area = await readNvPublic(tpm, index);
  if (area !== undefined) return area;
  throw new TpmError(
    'unfit',
    `${tpm.name} has no NV index ${hex(index)}`,
    'See which there are: `tpm2_getcap handles-nv-index`.',
  );
}

async function bufferSize(tpm: Tpm): Promise<number> {
  const { nvBuffer } = await tpmProperties(tpm);
  return nvBuffer === 0 ? SMALLEST_BUFFER : Math.min(nvBuffer, LARGEST_BUFFER);
}

/** The index's own (empty) password where that is allowed, the owner's otherwise. */
function authorityOf(area: NvPublic, byIndex: number): number {
  return (area.attributes & byIndex) !== 0 ? area.index : RH.owner;
}

function hex(index: number): string {
  return `0x${index.toString(16).padStart(8, '0')}`;
}
