/** Members of policies: whatever is not known is refused, since it could ask for something. */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';

export function onlyKeys(value: JsonObject, known: readonly string[], where: string, file: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw malformed(file, `${where === '' ? 'the policy' : where} has an unknown key \`${unknown.slice(0, 40)}\``);
  }
}

export function objectOf(value: JsonValue | undefined, where: string, file: string): JsonObject {
  if (value !== undefined && isJsonObject(value)) return value;
  throw malformed(file, `${where === '' ? 'the policy' : where} is no object`);
}

export function malformed(file: string, what: string): AssayError {
  return assayError('signature.policy.form', { params: { file, what }, subject: file });
}
