import { DecodeError, decodeBase64url, encodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { MeasuredEvent } from '../agent/event-log/entry.js';
import type { ApiBackend } from './backend.js';

/** Which parts of the interface are served. */
export type ApiFeature = 'resource' | 'attestation' | 'all';

export interface ApiRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly body: Uint8Array;
}

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface ApiOptions {
  readonly backend: ApiBackend;
  readonly feature: ApiFeature;
  readonly version: string;
  /** Hears why a request failed. */
  readonly onFailure: (error: unknown) => void;
}

const BYTES = 'application/octet-stream';
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

/** The two answers about an event that was not measured; their bytes are upstream's, a space and all. */
const NOT_MEASURED = {
  'not-supported': '{"success":"false","message": "The platform does not support runtime measurement"}',
  'not-enabled': '{"success":"false","message": "Attestation Agent does not enable eventlog recording"}',
} as const;

/** Answers one request of the REST interface. Never throws. */
export async function answerApi(request: ApiRequest, options: ApiOptions): Promise<ApiAnswer> {
  try {
    return await route(request, options);
  } catch (error) {
    options.onFailure(error);
    // Words of the services behind, which are written for callers; of other errors nothing is told.
    return text(500, error instanceof Error && 'code' in error ? error.message : 'internal error');
  }
}

async function route({ method, target, body }: ApiRequest, options: ApiOptions): Promise<ApiAnswer> {
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  if (path === '/info') return method === 'GET' ? info(options) : text(405, 'Method Not Allowed');
  if (path === '/aa' || path.startsWith('/aa/')) {
    if (options.feature === 'resource') return text(404, 'Attestation Feature Not Enabled');
    return attestation(`${method} ${path}`, new URLSearchParams(query), body, options.backend);
  }
  if (path === '/cdh' || path.startsWith('/cdh/')) {
    if (options.feature === 'attestation') return text(404, 'Resource Feature Not Enabled');
    return resource(path, options.backend);
  }
  return text(404, 'URL NOT FOUND');
}

async function info({ backend, feature, version }: ApiOptions): Promise<ApiAnswer> {
  // Where nothing of attestation is served, the agent is not asked: it may not be there.
  const tee = feature === 'resource' ? undefined : await backend.teeType().catch(() => undefined);
  const additional = tee === undefined ? [] : await backend.additionalTees().catch(() => []);
  const facts = {
    version,
    ...(tee === undefined ? {} : { tee }),
    ...(additional.length === 0 ? {} : { additional_tees: additional }),
    feature,
  };
  return json(JSON.stringify(facts));
}

async function attestation(
  call: string,
  query: URLSearchParams,
  body: Uint8Array,
  backend: ApiBackend,
): Promise<ApiAnswer> {
  switch (call) {
    case 'GET /aa/token': {
      const type = query.get('token_type');
      return type === null ? badRequest() : bytes(await backend.getToken(type));
    }
    case 'GET /aa/evidence': {
      const data = runtimeData(query);
      return data === undefined ? badRequest() : bytes(await backend.getEvidence(data));
    }
    case 'GET /aa/additional-evidence': {
      const data = runtimeData(query);
      return data === undefined ? badRequest() : bytes(await backend.getAdditionalEvidence(data));
    }
    case 'POST /aa/aael': {
      const event = eventOf(body);
      // Not 400: upstream takes a body that it cannot read for a failure of its own.
      if (event === undefined) return text(500, 'the body is not {"domain", "operation", "content"}');
      const result = await backend.extend(event);
      return json(result === 'measured' ? '{"success":"true"}' : NOT_MEASURED[result]);
    }
    default:
      return text(404, 'URL NOT FOUND');
  }
}

async function resource(path: string, backend: ApiBackend): Promise<ApiAnswer> {
  const name = path.startsWith('/cdh/resource/') ? path.slice('/cdh/resource/'.length) : '';
  if (name === '') return text(404, 'URL NOT FOUND');
  return bytes(await backend.getResource(`kbs:///${name}`));
}

/** Bytes of the text, or of URL-safe base64 without padding; undefined for what is neither. */
function runtimeData(query: URLSearchParams): Uint8Array | undefined {
  const data = query.get('runtime_data');
  if (data === null) return undefined;
  switch (query.get('encoding')) {
    case null:
      return encodeUtf8(data);
    case 'base64':
      return decoded(() => decodeBase64url(data));
    default:
      return undefined;
  }
}

function eventOf(body: Uint8Array): MeasuredEvent | undefined {
  const value = decoded(() => parseJsonStrict(body));
  if (value === undefined || !isJsonObject(value)) return undefined;
  const { domain, operation, content } = value satisfies JsonObject;
  if (typeof domain !== 'string' || typeof operation !== 'string' || typeof content !== 'string') return undefined;
  return { domain, operation, content };
}

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function badRequest(): ApiAnswer {
  return text(400, 'BAD REQUEST');
}

function bytes(body: Uint8Array): ApiAnswer {
  return { status: 200, contentType: BYTES, body };
}

function json(document: string): ApiAnswer {
  return { status: 200, contentType: JSON_TYPE, body: encodeUtf8(document) };
}

function text(status: number, message: string): ApiAnswer {
  return { status, contentType: TEXT, body: encodeUtf8(message) };
}
