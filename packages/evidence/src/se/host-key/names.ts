/**
 * Names in IBM's certificates.
 *
 * The signing key's subject is fixed. What it issued may name it otherwise: attributes in another order, and Poughkeepsie where
 * its certificate says Armonk. Names are compared after that is put right; the signature decides.
 */
import type { Name } from '../../x509/index.js';

const TYPE = {
  country: '2.5.4.6',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  locality: '2.5.4.7',
  state: '2.5.4.8',
  commonName: '2.5.4.3',
} as const;

const IBM = 'International Business Machines Corporation';
const ARMONK = 'Armonk';
const POUGHKEEPSIE = 'Poughkeepsie';
const UNIT = 'Key Signing Service';

/** What is wrong with the subject of a signing key; undefined when it is right. Exactly six attributes, each once. */
export function signingKeySubjectFault({ attributes }: Name): string | undefined {
  if (attributes.length !== 6) return `${attributes.length} attributes; 6 are right`;
  const text = (type: string): string | undefined => attributes.find((attribute) => attribute.type === type)?.text;
  if (text(TYPE.country) !== 'US') return 'C is not US';
  if (text(TYPE.state) !== 'New York') return 'ST is not New York';
  if (![ARMONK, POUGHKEEPSIE].includes(text(TYPE.locality) ?? '')) return `L is neither ${POUGHKEEPSIE} nor ${ARMONK}`;
  if (text(TYPE.organization) !== IBM) return `O is not ${IBM}`;
  if (text(TYPE.commonName) !== IBM) return `CN is not ${IBM}`;
  return text(TYPE.organizationalUnit)?.endsWith(UNIT) === true ? undefined : `OU does not end in ${UNIT}`;
}

/** Whether `issuer`, in a host-key document or CRL, names the signing key with this subject. */
export function namesSigningKey(issuer: Name, subject: Name): boolean {
  const wanted = sorted(subject);
  const moved = wanted.map((attribute) =>
    attribute === `${TYPE.locality}=${ARMONK}` ? `${TYPE.locality}=${POUGHKEEPSIE}` : attribute,
  );
  const found = sorted(issuer);
  return equal(found, wanted) || equal(found, moved);
}

function sorted({ attributes }: Name): string[] {
  return attributes.map(({ type, text }) => `${type}=${text}`).sort();
}

function equal(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}
