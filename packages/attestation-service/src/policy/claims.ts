/** Where a claim path leads in a policy's input, and where it would have led. */
import { isJsonObject, type JsonValue } from '@assay/bytes';
import { nearestName } from '@assay/bytes/findings';

/** Parts of a reference's text: `input["az-snp-vtpm"].tpm.pcr11` → input, az-snp-vtpm, tpm, pcr11. Undefined for others. */
export function referenceParts(text: string): readonly string[] | undefined {
  const head = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text)?.[0];
  if (head === undefined) return undefined;
  const parts = [head];
  let rest = text.slice(head.length);
  while (rest !== '') {
    const dotted = /^\.([A-Za-z_][A-Za-z0-9_]*)/.exec(rest);
    const quoted = /^\["((?:[^"\\]|\\.)*)"\]/.exec(rest);
    const index = /^\[(\d+)\]/.exec(rest);
    const match = dotted ?? quoted ?? index;
    if (match === null) return undefined;
    parts.push(match[1] ?? '');
    rest = rest.slice(match[0].length);
  }
  return parts;
}

/** Whether an operand is a claim: a reference that begins with `input`. */
export function claimPath(text: string): readonly string[] | undefined {
  const parts = referenceParts(text);
  return parts?.[0] === 'input' && parts.length > 1 ? parts : undefined;
}

export interface Resolved {
  /** Parts that exist, `input` counted. */
  readonly depth: number;
  /** Names beside the first part that does not exist; empty where the parent is no object. */
  readonly siblings: readonly string[];
  readonly value?: JsonValue;
}

/** Follows a claim path as far as it goes. */
export function resolveClaim(input: JsonValue, parts: readonly string[]): Resolved {
  let value: JsonValue = input;
  for (let depth = 1; depth < parts.length; depth += 1) {
    const part = parts[depth] ?? '';
    const next: JsonValue | undefined = member(value, part);
    if (next === undefined) return { depth, siblings: isJsonObject(value) ? Object.keys(value) : [] };
    value = next;
  }
  return { depth: parts.length, siblings: [], value };
}

/** `input.snp exists and has no tcb_bootloader; the nearest is reported_tcb_bootloader`: the words after "is absent". */
export function absenceNote(parts: readonly string[], resolved: Resolved): string {
  const missing = parts[resolved.depth] ?? '';
  const parent = parts.slice(0, resolved.depth).join('.');
  const nearest = nearestName(missing, resolved.siblings);
  if (nearest !== undefined) return `${parent}.${nearest} exists`;
  if (resolved.siblings.length === 0) return `${parent} has no members`;
  return `${parent} has ${resolved.siblings.slice(0, 4).join(', ')}${resolved.siblings.length > 4 ? ' …' : ''}`;
}

function member(value: JsonValue, part: string): JsonValue | undefined {
  if (Array.isArray(value)) return value[Number(part)];
  return isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}
