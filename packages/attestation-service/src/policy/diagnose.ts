/** Why two values are not equal, when the reason is how they are written. */
import type { JsonValue } from '@assay/bytes';
import { reversedBytes, type SameBytes, sameBytes } from './encodings.js';

export type Diagnosis =
  | { readonly kind: 'encoding'; readonly same: SameBytes; readonly other: string }
  | {
      readonly kind: 'type';
      readonly left: string;
      readonly right: string;
      readonly other: JsonValue;
      readonly why: string;
      readonly remedy?: string;
    }
  | { readonly kind: 'near'; readonly also: readonly string[] };

/**
 * Compares a claim with what a policy wants.
 *
 * @param wanted the other side; for `in` its elements are tried one by one
 * @returns undefined when nothing explains the difference
 */
export function diagnosePair(claim: JsonValue, wanted: JsonValue, operator: string): Diagnosis | undefined {
  if (operator === 'in') {
    if (!isList(wanted)) {
      if (wanted === null || typeof wanted === 'object') return undefined;
      return {
        ...type(claim, wanted, '`in` looks for members: a value that stands alone has none'),
        right: `single ${typeName(wanted)}`,
        remedy: 'Register the value as a list, or compare with `==`.',
      };
    }
    return best(wanted.map((item) => diagnoseEquality(claim, item)));
  }
  if (operator !== '==' && operator !== '=') return undefined;
  if (isList(wanted) && !isList(claim) && wanted.some((item) => item === claim)) {
    return {
      ...type(claim, wanted, 'a list is never equal to one of its members'),
      remedy: 'Compare with `in`, or register the value alone.',
    };
  }
  return diagnoseEquality(claim, wanted);
}

function best(diagnoses: readonly (Diagnosis | undefined)[]): Diagnosis | undefined {
  const order = ['encoding', 'type', 'near'];
  return diagnoses
    .filter((diagnosis) => diagnosis !== undefined)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0];
}

function diagnoseEquality(claim: JsonValue, wanted: JsonValue): Diagnosis | undefined {
  if (typeof claim === 'string' && typeof wanted === 'string') return diagnoseTexts(claim, wanted);
  if (scalar(claim) && scalar(wanted) && typeof claim !== typeof wanted && String(claim) === String(wanted)) {
    return type(claim, wanted, `the one is a ${typeName(claim)}, the other a ${typeName(wanted)}`);
  }
  return undefined;
}

function diagnoseTexts(claim: string, wanted: string): Diagnosis | undefined {
  const same = sameBytes(claim, wanted);
  if (same !== undefined) return { kind: 'encoding', same, other: wanted };
  if (claim !== wanted && claim.trim() === wanted.trim()) return near('equal but for white space around');
  if (claim !== wanted && claim.toLowerCase() === wanted.toLowerCase()) return near('equal-ignoring-case');
  if (reversedBytes(claim, wanted)) return near('the same bytes in reverse order');
  if (claim.length >= 16 && wanted.startsWith(claim)) return near('the claim is the beginning of the wanted value');
  if (wanted.length >= 16 && claim.startsWith(wanted)) return near('the wanted value is the beginning of the claim');
  return undefined;
}

function near(also: string): Diagnosis {
  return { kind: 'near', also: [also] };
}

function type(claim: JsonValue, other: JsonValue, why: string): Diagnosis & { readonly kind: 'type' } {
  return { kind: 'type', left: typeName(claim), right: typeName(other), other, why };
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function scalar(value: JsonValue): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** `text`, `number`, `boolean`, `list`, `object`, `null`. */
function typeName(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : typeof value;
}
