/** Findings about Hygon's chain, in one place so that their facts have one form. */
import { encodeHex } from '@assay/bytes';
import { cut, type FindingDraft, failed, notChecked, passed, visible } from '@assay/bytes/findings';
import { CA_SIZE, type CsvCertificate } from './certificate/certificate.js';
import { type CsvKeyName, type CsvLinks, USAGES } from './chain-keys.js';
import { type CsvRoot, type CsvTrust, sha256 } from './roots.js';

const FORMAT = 'Hygon CSV certificates';
const origin = { kind: 'spec', document: FORMAT } as const;

export function formHolds(): FindingDraft {
  return passed('csv.chain.form', 'certificates');
}

export function form(name: string, what: string, offset: number | undefined): FindingDraft {
  const line = cut(visible(what), 60);
  return failed('csv.chain.form', {
    subject: name,
    params: { certificate: name, what: line },
    actual: offset === undefined ? line : `${line}, at offset ${offset}`,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: FORMAT,
    origin,
  });
}

/** @param named the given HRK, or the key id that the HSK names as its signer */
export function pinned(named: Uint8Array | undefined, root: CsvRoot | undefined, trust: CsvTrust): FindingDraft {
  if (root !== undefined) return passed('csv.chain.root', 'HRK', root.name);
  if (named === undefined)
    return notChecked('csv.chain.root', 'not compared: the HSK was not read', { subject: 'HRK' });
  const whole = named.length === CA_SIZE;
  const digestOrId = ({ bytes, certificate }: CsvTrust['roots'][number]): string =>
    whole ? sha256(bytes) : encodeHex(certificate.keyId ?? new Uint8Array());
  const actual = whole ? sha256(named) : encodeHex(named);
  return failed('csv.chain.root', {
    subject: 'HRK',
    params: { actual, expected: trust.roots.map(({ name }) => name.replace('built-in pin of ', '')).join(', ') },
    expected: trust.roots.map(digestOrId),
    actual,
    compare: { relation: 'one-of', type: whole ? 'digest' : 'bytes' },
    source: trust.roots.map(({ name }) => name).join(', '),
    origin: { kind: 'pin', name: "Hygon's HRK" },
  });
}

const LINKS: readonly (readonly [keyof CsvLinks, child: CsvKeyName, parent: CsvKeyName])[] = [
  ['hrk_self', 'HRK', 'HRK'],
  ['hrk_hsk', 'HSK', 'HRK'],
  ['hsk_cek', 'CEK', 'HSK'],
  ['cek_pek', 'PEK', 'CEK'],
];

export function links(found: CsvLinks, wanted: readonly CsvKeyName[]): FindingDraft[] {
  return LINKS.filter(([, child]) => wanted.includes(child)).map(([link, child, parent]) => {
    const holds = found[link];
    if (holds === true) return passed('csv.chain.links', child);
    if (holds === undefined) {
      return notChecked('csv.chain.links', `not checked: ${child} or ${parent} was not read`, { subject: child });
    }
    return failed('csv.chain.links', {
      subject: child,
      params: { child, parent },
      expected: parent,
      actual: null,
      compare: { relation: 'signed-by', type: 'certificate' },
      source: `${FORMAT}: ${child} carries a signature of the ${parent}`,
      origin,
    });
  });
}

export function usages(
  certificates: { readonly [name in CsvKeyName]?: CsvCertificate },
  wanted: readonly CsvKeyName[],
): FindingDraft[] {
  return wanted.map((name) => {
    const certificate = certificates[name];
    if (certificate === undefined) {
      return notChecked('csv.chain.usage', `not checked: ${name} was not read`, { subject: name });
    }
    const [actual, expected] = [hexWord(certificate.usage), hexWord(USAGES[name])];
    if (actual === expected) return passed('csv.chain.usage', name, actual);
    return failed('csv.chain.usage', {
      subject: name,
      params: { certificate: name, actual, expected },
      expected,
      actual,
      compare: { relation: 'equal', type: 'flags' },
      source: `${FORMAT}: key usage`,
      origin,
    });
  });
}

/** `0x1002` */
export function hexWord(value: number): string {
  return `0x${value.toString(16)}`;
}
