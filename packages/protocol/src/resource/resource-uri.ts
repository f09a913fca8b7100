import { ProtocolError, quoteBriefly } from '../protocol-error.js';
import { parseResourceName } from './resource-name.js';

/** A KBS Resource URI: what to ask of which plug-in. */
export interface ResourceUri {
  /** `resource` for `kbs://`, else what stands after `kbs+`. */
  readonly plugin: string;
  /** Host and port as written; empty in the usual form `kbs:///…`. Clients use their configured server and ignore it. */
  readonly authority: string;
  /** Path segments after the host; exactly three for the plug-in `resource`. */
  readonly segments: readonly string[];
  /** Query parameters, decoded. */
  readonly query: ReadonlyMap<string, string>;
}

const URI = /^kbs(?:\+([^:/?#]*))?:\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/;
const PLUGIN = /^[a-z0-9][a-z0-9-]{0,63}$/;
const AUTHORITY = /^(?:(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)?$/;
const SEGMENT = /^[A-Za-z0-9_~.-]{1,256}$/;
const MAX_LENGTH = 2048;
const MAX_SEGMENTS = 16;

/**
 * Reads `kbs://[host]/repository/type/tag[?query]`, `kbs+plugin://[host]/path[?query]`, or the bare name `repository/type/tag`.
 *
 * Strict: no fragment, no user name, no percent-encoding in the path, no empty, `.` or `..` segment, no repeated query parameter.
 *
 * @throws ProtocolError `resource.name.form`
 */
export function parseResourceUri(text: string): ResourceUri {
  if (text.length > MAX_LENGTH) throw refuse(`resource URI is longer than ${MAX_LENGTH} characters`);
  if (!text.includes(':')) {
    const { repository, type, tag } = parseResourceName(text);
    return { plugin: 'resource', authority: '', segments: [repository, type, tag], query: new Map() };
  }
  const match = URI.exec(text);
  if (match === null) throw refuse(`${quoteBriefly(text)} is not a KBS resource URI`);
  const [, plugin = 'resource', authority = '', path = '', query] = match;
  if (!PLUGIN.test(plugin)) throw refuse(`${quoteBriefly(plugin)} is not a plug-in name`);
  if (!AUTHORITY.test(authority)) throw refuse(`${quoteBriefly(authority)} is not a host with an optional port`);
  const segments = path.split('/');
  if (plugin === 'resource') parseResourceName(segments);
  else checkPath(segments);
  return { plugin, authority, segments, query: query === undefined ? new Map() : parseQuery(query) };
}

/** The text of a resource URI, in its one canonical form. */
export function formatResourceUri(uri: ResourceUri): string {
  const scheme = uri.plugin === 'resource' ? 'kbs' : `kbs+${uri.plugin}`;
  return `${scheme}://${uri.authority}/${uri.segments.join('/')}${formatQuery(uri.query)}`;
}

/** Path and query of the request that fetches it: `/kbs/v0/<plugin>/<path>[?query]`. */
export function resourceRequestPath(uri: ResourceUri): string {
  return `/kbs/v0/${uri.plugin}/${uri.segments.join('/')}${formatQuery(uri.query)}`;
}

function checkPath(segments: readonly string[]): void {
  if (segments.length > MAX_SEGMENTS) throw refuse(`path has more than ${MAX_SEGMENTS} segments`);
  for (const [index, segment] of segments.entries()) {
    if (!SEGMENT.test(segment) || segment === '.' || segment === '..') {
      throw refuse(`segment ${index + 1} of the path, ${quoteBriefly(segment)}, is empty or holds what is not allowed`);
    }
  }
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  if (text === '') return query;
  for (const pair of text.split('&')) {
    const at = pair.indexOf('=');
    if (at < 1) throw refuse('query parameter is not name=value');
    const name = decodeParameter(pair.slice(0, at));
    if (query.has(name)) throw refuse(`query parameter ${quoteBriefly(name)} occurs twice`);
    query.set(name, decodeParameter(pair.slice(at + 1)));
  }
  return query;
}

function formatQuery(query: ReadonlyMap<string, string>): string {
  if (query.size === 0) return '';
  const pairs = Array.from(query, ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `?${pairs.join('&')}`;
}

function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw refuse('query is not percent-encoded UTF-8', cause);
  }
}

function refuse(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('resource.name.form', message, {
    expected: 'kbs://[host]/<repository>/<type>/<tag>, kbs+<plugin>://[host]/<path>, or <repository>/<type>/<tag>',
    cause,
  });
}
