import type { Value } from '../../../value/index.js';
import { DerReader, readOid, readText, TAG } from '../der.js';

/** A distinguished name in the form of Go's `pkix.Name`. */
export interface DistinguishedName {
  readonly value: Value;
  readonly raw: Uint8Array;
}

const LISTS: Readonly<Record<string, string>> = {
  '2.5.4.6': 'Country',
  '2.5.4.10': 'Organization',
  '2.5.4.11': 'OrganizationalUnit',
  '2.5.4.7': 'Locality',
  '2.5.4.8': 'Province',
  '2.5.4.9': 'StreetAddress',
  '2.5.4.17': 'PostalCode',
};
const SINGLES: Readonly<Record<string, string>> = { '2.5.4.5': 'SerialNumber', '2.5.4.3': 'CommonName' };

/** Name (RFC 5280 section 4.1.2.4). */
export function readName(reader: DerReader): DistinguishedName {
  const element = reader.read(TAG.sequence);
  const out: Record<string, Value> = { SerialNumber: '', CommonName: '', ExtraNames: null };
  for (const field of Object.values(LISTS)) out[field] = null;
  const names: Value[] = [];
  const sets = new DerReader(element.content);
  while (!sets.isEmpty) {
    const set = sets.enter(TAG.set);
    while (!set.isEmpty) {
      const pair = set.enter(TAG.sequence);
      const type = readOid(pair.read(TAG.oid));
      const text = readText(pair.read());
      pair.end();
      names.push({ Type: type, Value: text });
      const oid = type.join('.');
      const list = Object.hasOwn(LISTS, oid) ? LISTS[oid] : undefined;
      const single = Object.hasOwn(SINGLES, oid) ? SINGLES[oid] : undefined;
      if (list !== undefined) out[list] = [...((out[list] ?? []) as readonly Value[]), text];
      if (single !== undefined) out[single] = text;
    }
  }
  out['Names'] = names.length === 0 ? null : names;
  return { value: out, raw: element.whole };
}
