/** `uuid.*` (RFC 4122, RFC 9562). */
import { normalizeInteger, type Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';

function generate(args: readonly Value[], ctx: BuiltinContext): Value {
  const key = `uuid.rfc4122 ${stringOperand(args, 1)}`;
  const known = ctx.memo.get(key);
  if (known !== undefined) return known;
  const bytes = Uint8Array.from(ctx.random(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  ctx.memo.set(key, text);
  return text;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const DASHED = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

function bytesOf(text: string): Uint8Array | undefined {
  let body = text;
  if (text.length === 45 && text.slice(0, 9).toLowerCase() === 'urn:uuid:') body = text.slice(9);
  else if (text.length === 38 && text.startsWith('{') && text.endsWith('}')) body = text.slice(1, -1);
  const hex = DASHED.test(body) ? body.replaceAll('-', '') : text;
  if (!/^[0-9a-f]{32}$/i.test(hex)) return undefined;
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function variantOf(octet: number): string {
  if ((octet & 0xc0) === 0x80) return 'RFC4122';
  if ((octet & 0xe0) === 0xc0) return 'Microsoft';
  return (octet & 0xe0) === 0xe0 ? 'Future' : 'Reserved';
}

const DOMAINS = ['Person', 'Group', 'Org'];

/** 100 ns steps between the Gregorian reform and the Unix epoch. */
const GREGORIAN_OFFSET = 0x01b21dd213814000n;

function parse(args: readonly Value[]): Value | undefined {
  const bytes = bytesOf(stringOperand(args, 1));
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer);
  const version = (bytes[6] ?? 0) >> 4;
  const out: Record<string, Value> = { version, variant: variantOf(bytes[8] ?? 0) };
  if (version === 1 || version === 2) {
    const high = BigInt(view.getUint16(6) & 0x0fff);
    const ticks = (high << 48n) | (BigInt(view.getUint16(4)) << 32n) | BigInt(view.getUint32(0));
    out['time'] = normalizeInteger((ticks - GREGORIAN_OFFSET) * 100n);
    out['nodeid'] = Array.from(bytes.subarray(10), (byte) => byte.toString(16).padStart(2, '0')).join('-');
    const scope = ((bytes[10] ?? 0) & 2) === 0 ? 'global' : 'local';
    out['macvariables'] = `${scope}:${((bytes[10] ?? 0) & 1) === 0 ? 'unicast' : 'multicast'}`;
    out['clocksequence'] = view.getUint16(8) & 0x3fff;
  }
  if (version === 2) {
    out['id'] = view.getUint32(0);
    out['domain'] = DOMAINS[bytes[9] ?? 0] ?? `Domain${bytes[9]}`;
  }
  return out;
}

export const uuidBuiltins: readonly Builtin[] = [
  { name: 'uuid.rfc4122', args: [T.string], result: T.string, nondeterministic: true, impl: generate },
  { name: 'uuid.parse', args: [T.string], result: T.object(T.string, T.any), impl: parse },
];
