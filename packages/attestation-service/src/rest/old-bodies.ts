/** Bodies of `POST /attestation` as older clients send them, in the present form. */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';

/**
 * Releases 0.9 to 0.13 took one flat object; the agents of v0.9 and v0.10 put the TEE's name into quotes inside the text and
 * left the policy ids out.
 */
export function currentForm(body: JsonObject): JsonObject {
  if (Object.hasOwn(body, 'verification_requests') || !Object.hasOwn(body, 'tee')) return body;
  const { tee, evidence, runtime_data, init_data, runtime_data_hash_algorithm, policy_ids } = body;
  const entry: JsonObject = {
    tee: unquoted(tee),
    ...(evidence === undefined ? {} : { evidence }),
    ...(runtime_data === undefined ? {} : { runtime_data: lowerCased(runtime_data) }),
    ...(init_data === undefined ? {} : { init_data }),
    ...(runtime_data_hash_algorithm === undefined ? {} : { runtime_data_hash_algorithm }),
  };
  return { verification_requests: [entry], policy_ids: policy_ids ?? [] };
}

function unquoted(tee: JsonValue | undefined): JsonValue {
  return typeof tee === 'string' ? (/^"([^"]*)"$/.exec(tee)?.[1] ?? tee) : (tee ?? null);
}

/** The members were `raw` and `structured` then, too. */
function lowerCased(data: JsonValue): JsonValue {
  return isJsonObject(data)
    ? Object.fromEntries(Object.entries(data).map(([name, value]) => [name.toLowerCase(), value]))
    : data;
}
