import { marshalPublic, type PublicArea, parsePublic, TpmWriter } from '@assay/evidence/tpm';
import { CC, RH } from '../constants.js';
import { type Authorization, NO_PASSWORD } from '../session.js';
import { handleOf, parametersOf, sized, type Tpm } from '../tpm.js';
import { flushing } from './context.js';

/** A loaded key. */
export interface LoadedKey {
  readonly handle: number;
  /** TPMT_PUBLIC as the TPM gave it. */
  readonly publicBytes: Uint8Array;
  readonly publicArea: PublicArea;
  /** Name as the TPM computed it: hash algorithm and digest. */
  readonly name: Uint8Array;
}

/** Public areas and creation data are no longer than this. */
const LARGEST = 4096;
const LARGEST_NAME = 66;

/**
 * TPM2_CreatePrimary: the key that hierarchy and template give, the same each time. The caller flushes it.
 *
 * @param hierarchy handle of the hierarchy, whose authorisation is `authorization`
 */
export async function createPrimary(
  tpm: Tpm,
  hierarchy: number,
  template: PublicArea,
  authorization: Authorization = NO_PASSWORD,
): Promise<LoadedKey> {
  const name = 'TPM2_CreatePrimary';
  const answer = await tpm.execute({
    name,
    code: CC.createPrimary,
    handles: [hierarchy],
    authorizations: [authorization],
    parameters: creation(template),
    answersHandle: true,
  });
  return flushing.onError(tpm, handleOf(answer), () =>
    parametersOf(name, answer, (reader) => {
      const publicBytes = sized(reader, 'public area', LARGEST);
      sized(reader, 'creation data', LARGEST);
      sized(reader, 'creation digest', LARGEST_NAME);
      skipTicket(reader);
      const keyName = sized(reader, 'name', LARGEST_NAME);
      return { handle: handleOf(answer), publicBytes, publicArea: parsePublic(publicBytes), name: keyName };
    }),
  );
}

/** A key as TPM2_Create makes it: wrapped by its parent, of use to this TPM only. */
export interface WrappedKey {
  readonly privateBytes: Uint8Array;
  readonly publicBytes: Uint8Array;
}

/** TPM2_Create: a new key under a loaded storage key. */
export async function create(tpm: Tpm, parent: number, template: PublicArea): Promise<WrappedKey> {
  const name = 'TPM2_Create';
  const answer = await tpm.execute({
    name,
    code: CC.create,
    handles: [parent],
    authorizations: [NO_PASSWORD],
    parameters: creation(template),
  });
  return parametersOf(name, answer, (reader) => {
    const privateBytes = sized(reader, 'private area', LARGEST);
    const publicBytes = sized(reader, 'public area', LARGEST);
    sized(reader, 'creation data', LARGEST);
    sized(reader, 'creation digest', LARGEST_NAME);
    skipTicket(reader);
    return { privateBytes, publicBytes };
  });
}

/** TPM2_Load. The caller flushes it. */
export async function load(tpm: Tpm, parent: number, key: WrappedKey): Promise<LoadedKey> {
  const name = 'TPM2_Load';
  const answer = await tpm.execute({
    name,
    code: CC.load,
    handles: [parent],
    authorizations: [NO_PASSWORD],
    parameters: new TpmWriter().sized(key.privateBytes).sized(key.publicBytes).finish(),
    answersHandle: true,
  });
  return flushing.onError(tpm, handleOf(answer), () =>
    parametersOf(name, answer, (reader) => ({
      handle: handleOf(answer),
      publicBytes: key.publicBytes,
      publicArea: parsePublic(key.publicBytes),
      name: sized(reader, 'name', LARGEST_NAME),
    })),
  );
}

/** TPM2_ReadPublic: a key that is loaded or persistent. */
export async function readPublicKey(tpm: Tpm, handle: number): Promise<LoadedKey> {
  const name = 'TPM2_ReadPublic';
  const answer = await tpm.execute({ name, code: CC.readPublic, handles: [handle] });
  return parametersOf(name, answer, (reader) => {
    const publicBytes = sized(reader, 'public area', LARGEST);
    const keyName = sized(reader, 'name', LARGEST_NAME);
    sized(reader, 'qualified name', LARGEST_NAME);
    return { handle, publicBytes, publicArea: parsePublic(publicBytes), name: keyName };
  });
}

/** TPM2_EvictControl: keeps a loaded key under a persistent handle, or (given that handle twice) removes it. */
export async function evictControl(tpm: Tpm, handle: number, persistent: number): Promise<void> {
  const name = 'TPM2_EvictControl';
  const answer = await tpm.execute({
    name,
    code: CC.evictControl,
    handles: [RH.owner, handle],
    authorizations: [NO_PASSWORD],
    parameters: new TpmWriter().u32(persistent).finish(),
  });
  parametersOf(name, answer, () => undefined);
}

/** Sensitive data without password and secret, the template, no outside info, no PCRs. */
function creation(template: PublicArea): Uint8Array {
  const sensitive = new TpmWriter().u16(0).u16(0).finish();
  return new TpmWriter().sized(sensitive).sized(marshalPublic(template)).u16(0).u32(0).finish();
}

/** TPMT_TK_CREATION, of no use here. */
function skipTicket(reader: Parameters<typeof sized>[0]): void {
  reader.u16be('ticket tag');
  reader.u32be('ticket hierarchy');
  sized(reader, 'ticket digest', LARGEST_NAME);
}
