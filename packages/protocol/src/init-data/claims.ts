import { DecodeError, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { tomlToJson } from './toml.js';

/** Files whose content policies read as a structure. */
const TOML_FILES: ReadonlySet<string> = new Set(['cdh.toml', 'aa.toml']);
const POLICY_FILE = 'policy.rego';
/** The marker is literal: peers search for this text and parse from its brace on. */
const POLICY_DATA = 'policy_data := {';

/**
 * `init_data_claims` of an init-data document: file name → content, where `cdh.toml` and `aa.toml` are objects if they are TOML, and the
 * `policy_data` of `policy.rego` takes that file's place as `agent_policy_claims` if it is the last thing in the file and is JSON.
 * Whatever does not parse stays as the text it is: the guest judges its own configuration.
 */
export function initDataClaims(data: ReadonlyMap<string, string>): JsonObject {
  const claims = new Map<string, JsonValue>();
  for (const [name, content] of data) {
    claims.set(name, TOML_FILES.has(name) ? (attempt(() => tomlToJson(content)) ?? content) : content);
  }
  const policyData = policyDataOf(data.get(POLICY_FILE));
  if (policyData !== undefined) {
    claims.delete(POLICY_FILE);
    claims.set('agent_policy_claims', policyData);
  }
  return Object.fromEntries(claims);
}

function policyDataOf(policy: string | undefined): JsonObject | undefined {
  const start = policy?.indexOf(POLICY_DATA) ?? -1;
  if (policy === undefined || start === -1) return undefined;
  const brace = start + POLICY_DATA.length - 1;
  const value = attempt(() => parseJsonStrict(policy.slice(brace)));
  return isJsonObject(value) ? value : undefined;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    // Text that is not of the format is no fault here; anything else is a bug and must be seen.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
