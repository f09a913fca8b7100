/** Key material named in the configuration: files and https documents, and nothing else. */
import { DecodeError, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { importJwkSet, ProtocolError, type VerificationKey } from '@assay/protocol';
import type { KbsSources } from './types.js';

const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 10_000;
const DISCOVERY = '.well-known/openid-configuration';

/** Whether a source can change while the service runs, and is therefore asked again. */
export function isRemote(source: string): boolean {
  return /^https:\/\//i.test(source);
}

/**
 * Content of `https://…`, `file://…` or a path.
 *
 * @param setting where the source was named, for the error
 * @throws AssayError `config.file.form` for another scheme, `net.peer.answers` when it cannot be read
 */
export async function readSource(
  sources: KbsSources | undefined,
  source: string,
  setting: string,
): Promise<Uint8Array> {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(source)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'https' && scheme !== 'file') {
    throw assayError('config.file.form', {
      params: {
        file: 'configuration',
        line: setting,
        key: setting,
        actual: withoutUser(source),
        expected: 'a path, file:// or https://',
      },
    });
  }
  try {
    if (sources === undefined) throw new Error('this service was given no way to read files or fetch documents');
    if (scheme === 'https') return await sources.fetch(source, { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS });
    return await sources.readFile(scheme === 'file' ? fromFileUrl(source) : source);
  } catch (cause) {
    throw assayError('net.peer.answers', {
      params: { address: withoutUser(source), reason: reasonOf(cause), setting },
      cause,
    });
  }
}

/**
 * A JWK set; of an https source also by OpenID Connect discovery (`jwks_uri`), where the address itself holds no set.
 *
 * @throws AssayError `config.file.form`, `net.peer.answers`, `net.answer.form`
 */
export async function readJwkSet(
  sources: KbsSources | undefined,
  source: string,
  setting: string,
): Promise<readonly VerificationKey[]> {
  if (!isRemote(source)) return asJwkSet(await readSource(sources, source, setting), source, setting);
  try {
    return asJwkSet(await readSource(sources, source, setting), source, setting);
  } catch (direct) {
    const issuer = source.endsWith('/') ? source : `${source}/`;
    let discovered: JsonValue;
    try {
      discovered = parseJsonStrict(await readSource(sources, issuer + DISCOVERY, setting), { maxBytes: MAX_BYTES });
    } catch {
      // The first answer is the one that the owner asked about.
      throw direct;
    }
    const uri = isJsonObject(discovered) ? discovered['jwks_uri'] : undefined;
    if (typeof uri !== 'string' || !isRemote(uri))
      throw unusable(source, setting, 'discovery document without an https jwks_uri');
    return asJwkSet(await readSource(sources, uri, setting), uri, setting);
  }
}

function asJwkSet(bytes: Uint8Array, source: string, setting: string): readonly VerificationKey[] {
  try {
    return importJwkSet(parseJsonStrict(bytes, { maxBytes: MAX_BYTES }));
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof ProtocolError)) throw cause;
    throw unusable(source, setting, cause.message, cause);
  }
}

function unusable(source: string, setting: string, words: string, cause?: unknown): Error {
  return assayError('net.answer.form', { params: { service: setting, address: withoutUser(source), words }, cause });
}

function fromFileUrl(url: string): string {
  return decodeURIComponent(url.slice('file://'.length));
}

/** A URL may hold a password: it is never printed. */
function withoutUser(source: string): string {
  return source.replace(/^([a-zA-Z][a-zA-Z0-9+.-]*:\/\/)[^/@]*@/, '$1');
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no reason given';
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message.slice(0, 200);
}
