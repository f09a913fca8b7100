import { DecodeError, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { AdminPrincipal, CallerInfo } from '@assay/kbs';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/**
 * One HTTP route in one declaration. Authorisation, limits, metrics, OpenAPI and the reference page are derived from it.
 *
 * `access` has no default: a route that does not say who may call it does not compile.
 */
export interface Route {
  /** Stable name, `auth.post`: operation id in OpenAPI and label in metrics. */
  readonly id: string;
  readonly methods: readonly HttpMethod[];
  /** `/api/v1/things/{id}`; a last segment `{rest*}` takes the rest of the path, percent-decoded as a whole. */
  readonly path: string;
  readonly access: Access;
  readonly tag: 'kbs' | 'admin' | 'attestation-service' | 'operations';
  readonly summary: string;
  /** How refusals look: upstream's form under /kbs, RFC 9457 under /api, plain text on the AS face. */
  readonly errors: 'kbs' | 'problem' | 'text';
  readonly request?: RequestShape;
  readonly responses: Readonly<Record<number, ResponseShape>>;
  /** Largest body in bytes, where it differs from the server's. */
  readonly bodyLimit?: number;
  readonly handle: (call: Call) => Promise<Reply>;
}

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * Who may call.
 * - `public`: anybody; counted against the rate limit.
 * - `session`: the handler takes the KBS session cookie; counted against the rate limit.
 * - `plugin`: the plug-in says whether the call needs an admin or an attestation token; counted against the rate limit.
 * - `admin`: the admin guard has let the caller through before the handler runs.
 */
export type Access = 'public' | 'session' | 'plugin' | 'admin';

export interface RequestShape {
  /** JSON body. Absent: the handler takes raw bytes, or there is none. */
  readonly body?: TSchema;
  /** Description of a raw body. */
  readonly raw?: string;
  readonly query?: Readonly<Record<string, { readonly description: string; readonly schema: TSchema }>>;
}

export interface ResponseShape {
  readonly description: string;
  readonly contentType?: string;
  readonly schema?: TSchema;
}

/** A request as handlers see it. */
export interface Call {
  readonly method: HttpMethod;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Request URI as received, with its query. */
  readonly uri: string;
  readonly session: string | undefined;
  readonly authorization: string | undefined;
  readonly caller: CallerInfo;
  /** `https://host:port` as the caller addressed this server. */
  readonly origin: string;
  /** Present on `admin` routes. */
  readonly principal: AdminPrincipal | undefined;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  /** Text and bytes are sent as they are; undefined sends an empty body. */
  readonly body?: string | Uint8Array;
  readonly attempt?: string;
}

/** Deepest nesting of a JSON body. */
const jsonDepth = 64;

/**
 * The JSON body, strictly parsed (no duplicate members) and checked against the schema.
 *
 * @throws AssayError `request.body.form`
 */
export function jsonBody<T extends TSchema>(call: Call, schema: T): Static<T> {
  const value = parseBody(call);
  const error = Value.Errors(schema, value)[0];
  if (error !== undefined) {
    const member = error.instancePath.slice(1).replaceAll('/', '.') || 'body';
    throw assayError('request.body.form', {
      params: { path: pathOf(call), member, actual: kindAt(value, error.instancePath), expected: error.message },
    });
  }
  return value as Static<T>;
}

/** The principal of an `admin` route. */
export function principalOf(call: Call): AdminPrincipal {
  // The mount has authorised the call before the handler ran; anything else is a defect and must not pass.
  if (call.principal === undefined) throw new Error(`no principal on ${call.method} ${pathOf(call)}`);
  return call.principal;
}

/** A path parameter that the route declares. */
export function param(call: Call, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new Error(`route has no parameter ${name}`);
  return value;
}

/** A JSON answer. */
export function json(value: unknown, more: Omit<Reply, 'body' | 'contentType'> = {}): Reply {
  return { ...more, contentType: 'application/json', body: `${JSON.stringify(value)}` };
}

function parseBody(call: Call): JsonValue {
  try {
    return parseJsonStrict(call.body, { maxDepth: jsonDepth, maxBytes: call.body.length });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw assayError('request.body.form', {
      params: {
        path: pathOf(call),
        member: 'body',
        actual: `not JSON (${error.message})`,
        expected: 'one JSON object is wanted',
      },
      cause: error,
    });
  }
}

function pathOf(call: Call): string {
  return call.uri.split('?', 1)[0] ?? call.uri;
}

function kindAt(value: JsonValue, pointer: string): string {
  let current: unknown = value;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return 'absent';
    current = (current as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  if (current === undefined) return 'absent';
  if (current === null) return 'null';
  return Array.isArray(current) ? 'an array' : `of type ${typeof current}`;
}
