/** Writing of CBOR and COSE_Sign1 as the emulated hardware does it, with every defect that can be ordered. */
import { type KeyObject, sign } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { encode } from 'cborg';

/** What can be written: numbers, texts, byte strings, null, booleans, lists and maps of these. */
export type CborInput = number | string | boolean | null | Uint8Array | readonly CborInput[] | CborEntries;
/** A map, in the order given. */
export type CborEntries = ReadonlyMap<number | string, CborInput>;

export type EmulatedCoseAlgorithm = 'ES256' | 'ES384';

const LABELS: Readonly<Record<EmulatedCoseAlgorithm, number>> = { ES256: -7, ES384: -35 };
const HASHES: Readonly<Record<EmulatedCoseAlgorithm, string>> = { ES256: 'sha256', ES384: 'sha384' };
const TAG_18 = Uint8Array.of(0xd2);

/** How a message is signed; everything beside `key` has an ordinary value. */
export interface Sign1Signing {
  readonly key: KeyObject;
  /** Default ES384. */
  readonly algorithm?: EmulatedCoseAlgorithm;
  /** Label in the protected header; default: that of the algorithm. */
  readonly label?: CborInput;
  /** The protected header whole. */
  readonly protectedHeader?: Uint8Array;
  readonly unprotected?: CborEntries;
  /** Changes the payload after it was signed. */
  readonly alterPayload?: (payload: Uint8Array) => Uint8Array;
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
  /** Tag 18 around the message. */
  readonly tagged: boolean;
}

export function writeCbor(value: CborInput): Uint8Array {
  return value instanceof Map ? writeMap(value, false) : Uint8Array.from(encode(value));
}

/** A map whose entries keep their order, of definite length or of indefinite length (RFC 8949 section 3.2.2). */
export function writeMap(map: CborEntries, indefinite: boolean): Uint8Array {
  const entries = [...map].flatMap(([key, value]) => [Uint8Array.from(encode(key)), writeCbor(value)]);
  if (indefinite) return concatBytes(Uint8Array.of(0xbf), ...entries, Uint8Array.of(0xff));
  if (map.size > 23) throw new RangeError(`${map.size} entries do not fit into a short map`);
  return concatBytes(Uint8Array.of(0xa0 | map.size), ...entries);
}

/** Signs a payload (RFC 9052 section 4.4). */
export function writeSign1(payload: Uint8Array, signing: Sign1Signing): Uint8Array {
  const algorithm = signing.algorithm ?? 'ES384';
  const header = signing.protectedHeader ?? writeCbor(new Map([[1, signing.label ?? LABELS[algorithm]]]));
  const signed = encode(['Signature1', header, new Uint8Array(), payload]);
  const key = { key: signing.key, dsaEncoding: 'ieee-p1363' } as const;
  const signature = Uint8Array.from(sign(HASHES[algorithm], signed, key));
  const message = concatBytes(
    Uint8Array.of(0x84),
    writeCbor(header),
    writeCbor(signing.unprotected ?? new Map()),
    writeCbor(signing.alterPayload?.(payload) ?? payload),
    writeCbor(signing.alterSignature?.(signature) ?? signature),
  );
  return signing.tagged ? concatBytes(TAG_18, message) : message;
}
