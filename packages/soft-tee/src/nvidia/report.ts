import { type KeyObject, sign } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { exactly, u16 } from '../fixed.js';
import { type NvidiaDevice, opaqueFields } from './device.js';

/** Everything that a report says, and how. */
export interface NvidiaReportFields {
  readonly request: Uint8Array;
  readonly numberOfBlocks: number;
  readonly record: Uint8Array;
  readonly responderNonce: Uint8Array;
  readonly opaque: Uint8Array;
  /** Behind the signature. */
  readonly trailing: Uint8Array;
}

/** GET_MEASUREMENTS of SPDM 1.1: everything, signed. */
export function nvidiaRequest(nonce: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x11, 0xe0, 0x01, 0xff), exactly(nonce, 32, 'nonce'), Uint8Array.of(0));
}

/** One measurement block: index, specification, size, value type, value size, value. */
export function nvidiaBlock(index: number, value: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(index, 1), u16(value.length + 3), Uint8Array.of(0), u16(value.length), value);
}

export function nvidiaOpaque(fields: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  return concatBytes(...[...fields].flatMap(([type, value]) => [u16(type), u16(value.length), value]));
}

/** Request and response, signed with the key of the device. */
export function encodeNvidiaReport(
  device: NvidiaDevice,
  nonce: Uint8Array,
  responderNonce: Uint8Array,
  key: KeyObject,
  edit: Partial<NvidiaReportFields> = {},
): Uint8Array {
  const fields: NvidiaReportFields = {
    request: nvidiaRequest(nonce),
    numberOfBlocks: device.measurements.size,
    record: concatBytes(...[...device.measurements].map(([index, value]) => nvidiaBlock(index, value))),
    responderNonce,
    opaque: nvidiaOpaque(opaqueFields(device)),
    trailing: new Uint8Array(0),
    ...edit,
  };
  const { length } = fields.record;
  const signed = concatBytes(
    fields.request,
    Uint8Array.of(0x11, 0x60, 0, 0, fields.numberOfBlocks),
    Uint8Array.of(length & 0xff, (length >> 8) & 0xff, length >> 16),
    fields.record,
    fields.responderNonce,
    u16(fields.opaque.length),
    fields.opaque,
  );
  const signature = sign('sha384', signed, { key, dsaEncoding: 'ieee-p1363' });
  return concatBytes(signed, Uint8Array.from(signature), fields.trailing);
}
