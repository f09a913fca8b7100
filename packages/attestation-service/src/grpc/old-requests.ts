/**
 * `AttestationRequest` as key brokers of Trustee 0.9 to 0.13 send it: one flat message under the same names of package,
 * service and method. Field 1 tells: it was the TEE's name, today it is a nested message.
 *
 *   1 tee · 2 evidence · 3 raw_runtime_data | 4 structured_runtime_data · 5 raw_init_data | 6 structured_init_data ·
 *   7 runtime_data_hash_algorithm · 8 init_data_hash_algorithm · 9 repeated policy_ids
 */
import { ByteReader, DecodeError, decodeUtf8 } from '@assay/bytes';
import { type AttestationRequest, AttestationRequestSchema, create } from '@assay/protocol/grpc';

const LENGTH_DELIMITED = 2;

/** @throws Error for bytes of neither form; gRPC answers it with INTERNAL. */
export function readEvaluateRequest(
  bytes: Buffer,
  readCurrent: (bytes: Buffer) => AttestationRequest,
): AttestationRequest {
  const fields = lengthDelimitedFields(bytes);
  const first = fields?.find(({ number }) => number === 1);
  if (fields === undefined || first === undefined || !isTeeName(first.value)) return readCurrent(bytes);
  const text = (number: number): string | undefined => {
    const field = fields.findLast((candidate) => candidate.number === number);
    return field === undefined ? undefined : decodeUtf8(field.value);
  };
  if (text(6) !== undefined)
    throw new Error('structured_init_data of old key brokers is not served; send init_data_toml');
  const [raw, structured, digest] = [text(3), text(4), text(5)];
  return create(AttestationRequestSchema, {
    verificationRequests: [
      {
        tee: text(1) ?? '',
        evidence: text(2) ?? '',
        runtimeDataHashAlgorithm: text(7) ?? '',
        ...(raw === undefined ? {} : { runtimeData: { case: 'rawRuntimeData', value: raw } }),
        ...(structured === undefined ? {} : { runtimeData: { case: 'structuredRuntimeData', value: structured } }),
        ...(digest === undefined ? {} : { initData: { case: 'initDataDigest', value: digest } }),
      },
    ],
    policyIds: fields.filter(({ number }) => number === 9).map(({ value }) => decodeUtf8(value)),
  });
}

interface Field {
  readonly number: number;
  readonly value: Uint8Array;
}

/** A nested message of at most 32 bytes cannot consist of letters: its lengths would be larger than itself. */
function isTeeName(value: Uint8Array): boolean {
  return value.length > 0 && value.length <= 32 && value.every((byte) => /[a-z0-9-]/i.test(String.fromCharCode(byte)));
}

/** All fields, if every one is length-delimited; undefined for anything else. */
function lengthDelimitedFields(bytes: Uint8Array): readonly Field[] | undefined {
  try {
    const reader = new ByteReader(bytes, 'protobuf');
    const fields: Field[] = [];
    while (reader.remaining > 0) {
      const tag = varint(reader);
      if ((tag & 7) !== LENGTH_DELIMITED) return undefined;
      fields.push({ number: tag >>> 3, value: reader.bytes(varint(reader), 'field') });
    }
    return fields;
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined;
    throw thrown;
  }
}

function varint(reader: ByteReader): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = reader.u8('varint');
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new DecodeError('protobuf', 'number is larger than 28 bits');
}
