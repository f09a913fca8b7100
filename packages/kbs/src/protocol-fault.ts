/** Faults of messages (`ProtocolError`, `DecodeError`) as errors of the register. */
import { DecodeError, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { AssayError, asAssayError, assayError, isFindingId, reported } from '@assay/bytes/findings';
import { ProtocolError } from '@assay/protocol';

/** Any thrown value as an `AssayError`; a protocol fault keeps its id and its words. */
export function asKnownError(thrown: unknown): AssayError {
  return thrown instanceof ProtocolError ? fromProtocol(thrown) : asAssayError(thrown);
}

function fromProtocol(fault: ProtocolError): AssayError {
  if (!isFindingId(fault.code)) return asAssayError(fault);
  const { path, expected, actual } = fault;
  const draft = reported(fault.code, fault.message, {
    ...(path === undefined ? {} : { subject: path }),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  });
  return new AssayError(draft, { cause: fault });
}

export interface BodyLimits {
  readonly bytes: number;
  readonly depth: number;
}

/**
 * A body as strict JSON.
 *
 * @param path the call, for the explanation: `attest`
 * @throws AssayError `request.body.size`, `request.body.form`
 */
export function parseBody(body: Uint8Array, path: string, limits: BodyLimits): JsonValue {
  if (body.length > limits.bytes) {
    throw assayError('request.body.size', {
      params: { actual: body.length, limit: limits.bytes },
      actual: body.length,
      expected: limits.bytes,
    });
  }
  try {
    return parseJsonStrict(body, { maxBytes: limits.bytes, maxDepth: limits.depth });
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw assayError('request.body.form', {
      params: { path, member: '(the whole)', actual: cause.message, expected: 'one JSON document' },
      expected: 'one JSON document',
      cause,
    });
  }
}

/** Runs a parser of `@assay/protocol` with its faults translated. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw asKnownError(thrown);
  }
}
