import type { JsonObject } from '@assay/bytes';

const list = (bytes: Uint8Array, from: number, length: number): number[] => [...bytes.subarray(from, from + length)];
const word = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
const half = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint16(at, true);

const numbers = (bytes: Uint8Array, at: number): JsonObject => ({
  r: list(bytes, at, 72),
  s: list(bytes, at + 72, 72),
});
const key = (bytes: Uint8Array, at: number): JsonObject => ({
  g: word(bytes, at),
  x: list(bytes, at + 4, 72),
  y: list(bytes, at + 76, 72),
});

/** A certificate of 832 bytes as the guest's library writes it in JSON. */
export function caCertificateJson(bytes: Uint8Array): JsonObject {
  return {
    body: {
      preamble: {
        ver: word(bytes, 0),
        data: {
          kid: list(bytes, 4, 16),
          sid: list(bytes, 20, 16),
          usage: word(bytes, 36),
          reserved: list(bytes, 40, 24),
        },
      },
      pubkey: key(bytes, 64),
      uid_size: half(bytes, 212),
      user_id: list(bytes, 214, 254),
      reserved: list(bytes, 468, 108),
    },
    signature: numbers(bytes, 576),
    _reserved: list(bytes, 720, 112),
  };
}

/** A certificate of 2084 bytes. */
export function csvCertificateJson(bytes: Uint8Array): JsonObject {
  const slot = (at: number): JsonObject => ({
    usage: word(bytes, at),
    algo: word(bytes, at + 4),
    signature: numbers(bytes, at + 8),
    _reserved: list(bytes, at + 152, 368),
  });
  return {
    body: {
      ver: word(bytes, 0),
      data: {
        firmware: { major: bytes[4] ?? 0, minor: bytes[5] ?? 0 },
        reserved1: half(bytes, 6),
        pubkey: { usage: word(bytes, 8), algo: word(bytes, 12), key: key(bytes, 16) },
        uid_size: half(bytes, 164),
        user_id: list(bytes, 166, 254),
        sid: list(bytes, 420, 16),
        reserved2: list(bytes, 436, 608),
      },
    },
    sigs: [slot(1044), slot(1564)],
  };
}

/** A DCU report: 252 signed bytes and the signature. */
export function dcuReportJson(bytes: Uint8Array): JsonObject {
  return {
    body: {
      version: word(bytes, 0),
      chip_id: list(bytes, 4, 16),
      user_data: list(bytes, 20, 64),
      measure: list(bytes, 84, 32),
      reserved: list(bytes, 116, 128),
      sig_usage: word(bytes, 244),
      sig_algo: word(bytes, 248),
    },
    sig: numbers(bytes, 252),
  };
}
