import { contextTag, type DerElement, DerError, DerReader } from '../der.js';
import { type AlternativeNames, ia5, splitUri } from './general-names.js';

/** An address block: `ip` and `mask` of equal length. */
export interface AddressBlock {
  readonly ip: Uint8Array;
  readonly mask: Uint8Array;
}

interface Subtrees {
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly ip: readonly AddressBlock[];
  readonly uri: readonly string[];
}

export interface NameConstraints {
  readonly permitted: Subtrees;
  readonly excluded: Subtrees;
}

const NONE: Subtrees = { dns: [], email: [], ip: [], uri: [] };
export const NO_CONSTRAINTS: NameConstraints = { permitted: NONE, excluded: NONE };

/** NameConstraints (RFC 5280 section 4.2.1.10). `complete` is false when a subtree of another kind was met. */
export function readNameConstraints(fields: DerReader): { constraints: NameConstraints; complete: boolean } {
  const permitted = fields.optional(contextTag(0));
  const excluded = fields.optional(contextTag(1));
  fields.end();
  if (permitted === undefined && excluded === undefined) throw new DerError('x509: empty name constraints extension');
  const [allow, allowComplete] = readSubtrees(permitted);
  const [deny, denyComplete] = readSubtrees(excluded);
  return { constraints: { permitted: allow, excluded: deny }, complete: allowComplete && denyComplete };
}

function readSubtrees(element: DerElement | undefined): [Subtrees, boolean] {
  const dns: string[] = [];
  const email: string[] = [];
  const ip: AddressBlock[] = [];
  const uri: string[] = [];
  let complete = true;
  const list = new DerReader(element?.content ?? new Uint8Array(0));
  while (!list.isEmpty) {
    const base = list.enter(0x30).read();
    switch (base.tag) {
      case 0x81:
        email.push(ia5(base));
        break;
      case 0x82:
        dns.push(ia5(base));
        break;
      case 0x86:
        uri.push(ia5(base));
        break;
      case 0x87: {
        const half = base.content.length / 2;
        if (half !== 4 && half !== 16) throw new DerError('x509: IP constraint has an invalid length');
        ip.push({ ip: base.content.subarray(0, half), mask: base.content.subarray(half) });
        break;
      }
      default:
        complete = false;
    }
  }
  return [{ dns, email, ip, uri }, complete];
}

/**
 * Whether every name is inside a permitted subtree of its kind (if there is any) and outside all excluded ones. Where a
 * kind is constrained at all, a name of that kind that cannot be read is not allowed.
 */
export function namesAllowed(names: AlternativeNames, constraints: NameConstraints): boolean {
  const { permitted, excluded } = constraints;
  return (
    allowed(names.dns, permitted.dns, excluded.dns, inDomain, isDomain) &&
    allowed(names.email, permitted.email, excluded.email, matchesMail, (name) => isDomain(hostOfMail(name))) &&
    allowed(names.ip, permitted.ip, excluded.ip, inBlock, () => true) &&
    allowed(names.uri, permitted.uri, excluded.uri, matchesUri, (name) => isDomain(hostOfUri(name)))
  );
}

function allowed<N, C>(
  names: readonly N[],
  allow: readonly C[],
  deny: readonly C[],
  matches: (name: N, constraint: C) => boolean,
  isReadable: (name: N) => boolean,
): boolean {
  if (allow.length + deny.length === 0) return true;
  return names.every(
    (name) =>
      isReadable(name) &&
      !deny.some((constraint) => matches(name, constraint)) &&
      (allow.length === 0 || allow.some((constraint) => matches(name, constraint))),
  );
}

function isDomain(name: string): boolean {
  // A host that is an address has no place in a domain.
  return /^(?:[A-Za-z0-9_*-]+\.)*[A-Za-z0-9_-]+\.?$/.test(name) && !/^[0-9.]+$/.test(name);
}

function hostOfMail(mailbox: string): string {
  return mailbox.slice(mailbox.lastIndexOf('@') + 1);
}

function hostOfUri(uri: string): string {
  const authority = splitUri(uri)?.authority ?? '';
  return authority.slice(authority.lastIndexOf('@') + 1).replace(/:[0-9]*$/, '');
}

/** `host.example.com` is in `example.com`; a leading dot asks for a proper subdomain. */
function inDomain(name: string, constraint: string): boolean {
  const host = name.toLowerCase().replace(/\.$/, '');
  const domain = constraint.toLowerCase();
  if (domain === '') return true;
  if (domain.startsWith('.')) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

function matchesMail(mailbox: string, constraint: string): boolean {
  const at = mailbox.lastIndexOf('@');
  if (constraint.includes('@')) {
    const cut = constraint.lastIndexOf('@');
    const sameHost = mailbox.slice(at + 1).toLowerCase() === constraint.slice(cut + 1).toLowerCase();
    return sameHost && mailbox.slice(0, at) === constraint.slice(0, cut);
  }
  const host = hostOfMail(mailbox);
  return constraint.startsWith('.') ? inDomain(host, constraint) : host.toLowerCase() === constraint.toLowerCase();
}

function matchesUri(uri: string, constraint: string): boolean {
  const host = hostOfUri(uri);
  return constraint.startsWith('.') ? inDomain(host, constraint) : host.toLowerCase() === constraint.toLowerCase();
}

function inBlock(address: Uint8Array, block: AddressBlock): boolean {
  return (
    address.length === block.ip.length &&
    address.every(
      (byte, i) => (byte & (block.mask[i] as number)) === ((block.ip[i] as number) & (block.mask[i] as number)),
    )
  );
}
