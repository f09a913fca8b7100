import { canonicalJson, DecodeError, encodeUtf8, type JsonObject } from '@assay/bytes';
import { digest, type HashAlgorithm } from '../hash-algorithm.js';
import { ProtocolError } from '../protocol-error.js';
import type { TeePubkey } from './tee-pubkey.js';
import { type ProtocolVersion, protocolTraits, type RuntimeDataForm } from './version.js';

/** What a piece of evidence commits to. */
export interface RuntimeDataInput {
  /** `Challenge.nonce`, the text as sent. */
  readonly nonce: string;
  readonly teePubkey: TeePubkey;
  /** The `additional_evidence` text, as sent; the empty string when there are no devices. */
  readonly additionalEvidence: string;
}

/** One way in which the runtime data may have been hashed into the report data. */
export interface RuntimeDataBinding {
  readonly form: RuntimeDataForm;
  /** Exact bytes that are hashed. */
  readonly bytes: Uint8Array;
  /** The object behind them, which becomes `runtime_data_claims`. Form `fields` hashes no object; the same facts are given here. */
  readonly object: JsonObject;
}

/**
 * All forms of the runtime data that evidence of this protocol version may commit to: one, except that 0.1.0 has two under the same
 * version. Accept the evidence if it matches any.
 *
 * @param role `primary` for the CPU's evidence, `device` for an entry of `additional_evidence`, which cannot cover itself
 * @throws ProtocolError `request.key.supported` where the version has no form for this type of key.
 */
export function runtimeDataBindings(
  version: ProtocolVersion,
  input: RuntimeDataInput,
  role: 'primary' | 'device',
): RuntimeDataBinding[] {
  const traits = protocolTraits(version);
  const withDevices = role === 'primary' && traits.bindsAdditionalEvidence;
  const object: JsonObject = {
    'tee-pubkey': input.teePubkey.asReceived,
    nonce: input.nonce,
    ...(withDevices ? { 'additional-evidence': input.additionalEvidence } : {}),
  };
  const bindings = traits.runtimeData.flatMap((form): RuntimeDataBinding[] => {
    const bytes = form === 'fields' ? fieldBytes(input) : objectBytes(input, object);
    return bytes === undefined ? [] : [{ form, bytes, object }];
  });
  if (bindings.length === 0) {
    throw new ProtocolError(
      'request.key.supported',
      `tee-pubkey has no form that protocol version ${version} can bind`,
      {
        path: '/tee-pubkey',
        expected: 'a key with kty',
      },
    );
  }
  return bindings;
}

/** The digest that the attester was given as report data; each TEE pads or cuts it to its register. */
export function runtimeDataDigest(binding: Pick<RuntimeDataBinding, 'bytes'>, algorithm: HashAlgorithm): Uint8Array {
  return digest(algorithm, binding.bytes);
}

/** nonce ‖ n ‖ e, the three texts as sent (attestation-agent v0.5 to guest-components v0.8); RSA keys only. */
function fieldBytes({ nonce, teePubkey }: RuntimeDataInput): Uint8Array | undefined {
  return teePubkey.kind === 'RSA' ? encodeUtf8(nonce + teePubkey.n + teePubkey.e) : undefined;
}

function objectBytes({ teePubkey }: RuntimeDataInput, object: JsonObject): Uint8Array | undefined {
  // Keys without `kty` come from clients that knew form `fields` alone.
  if (teePubkey.kind === 'RSA' && teePubkey.spelling !== 'jwk') return undefined;
  return canonicalBytes(object);
}

/**
 * UTF-8 of the canonical JSON (RFC 8785) of a structured runtime data object, which the attestation service hashes.
 *
 * @throws ProtocolError `request.body.form` for what has no canonical text (lone surrogates)
 */
export function canonicalBytes(object: JsonObject): Uint8Array {
  try {
    return encodeUtf8(canonicalJson(object));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new ProtocolError('request.body.form', `runtime data has no canonical text: ${cause.reason}`, { cause });
  }
}
