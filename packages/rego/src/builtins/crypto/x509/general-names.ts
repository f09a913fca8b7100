import type { Value } from '../../../value/index.js';
import { formatAddress } from '../../net/address.js';
import { ascii, type DerElement, DerError, DerReader } from '../der.js';

/** Names of a SubjectAltName extension, by kind. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly ip: readonly Uint8Array[];
  readonly uri: readonly string[];
}

export const NO_NAMES: AlternativeNames = { dns: [], email: [], ip: [], uri: [] };

/** GeneralNames (RFC 5280 section 4.2.1.6); kinds other than the four are skipped. */
export function readGeneralNames(content: Uint8Array): AlternativeNames {
  const dns: string[] = [];
  const email: string[] = [];
  const ip: Uint8Array[] = [];
  const uri: string[] = [];
  const names = new DerReader(content);
  while (!names.isEmpty) {
    const name = names.read();
    switch (name.tag) {
      case 0x81:
        email.push(ia5(name));
        break;
      case 0x82:
        dns.push(ia5(name));
        break;
      case 0x86:
        uri.push(checkedUri(ia5(name)));
        break;
      case 0x87:
        if (name.content.length !== 4 && name.content.length !== 16) {
          throw new DerError(`x509: cannot parse IP address of length ${name.content.length}`);
        }
        ip.push(name.content);
        break;
      default:
    }
  }
  return { dns, email, ip, uri };
}

export function ia5(element: DerElement): string {
  if (element.content.some((byte) => byte > 0x7f)) throw new DerError('x509: SAN is malformed');
  return ascii(element.content);
}

function checkedUri(text: string): string {
  if (splitUri(text) === undefined) throw new DerError(`x509: cannot parse URI ${JSON.stringify(text)}`);
  return text;
}

interface UriParts {
  readonly scheme: string;
  readonly opaque: string;
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: string | undefined;
  readonly fragment: string;
}

/** RFC 3986 appendix B, with the refusals that matter: control characters, spaces in the host, bad escapes. */
export function splitUri(text: string): UriParts | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in a URI
  if (/[\u0000-\u001f\u007f]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', authority, path = '', query, fragment = ''] = match;
  if (authority !== undefined && /[ <>"\\^`{|}]/.test(authority)) return undefined;
  const isOpaque = scheme !== '' && authority === undefined && !path.startsWith('/');
  return {
    scheme: scheme.toLowerCase(),
    opaque: isOpaque ? path : '',
    authority,
    path: isOpaque ? '' : path,
    query,
    fragment,
  };
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A URI in the JSON form of Go's `url.URL`. */
export function uriValue(text: string): Value {
  const parts = splitUri(text);
  if (parts === undefined) return null;
  const at = parts.authority?.lastIndexOf('@') ?? -1;
  const path = percentDecoded(parts.path);
  return {
    Scheme: parts.scheme,
    Opaque: parts.opaque,
    User: at >= 0 ? {} : null,
    Host: (parts.authority ?? '').slice(at + 1),
    Path: path,
    Fragment: percentDecoded(parts.fragment),
    RawQuery: parts.query ?? '',
    RawPath: encodeURI(path) === parts.path ? '' : parts.path,
    RawFragment: '',
    ForceQuery: parts.query === '',
    OmitHost: false,
  };
}

export function ipText(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  if (bytes.length === 16 && value >> 32n === 0xffffn) return formatAddress({ bits: 32, value: value & 0xffffffffn });
  return formatAddress({ bits: bytes.length === 4 ? 32 : 128, value });
}
