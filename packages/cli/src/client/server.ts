import { readFileSync } from 'node:fs';
import { CliError, EXIT } from '../exit.js';
import { configHome, readCredentials } from './config-home.js';
import { call, type HttpAnswer } from './http.js';

/** Flags that name a server and how to trust it. */
export interface ServerFlags {
  readonly server?: string;
  readonly certFile?: string;
}

/** A running server as the administration commands see it. */
export interface AdminClient {
  readonly url: string;
  /** JSON in, JSON out. @throws CliError with the server's problem document */
  json(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Bytes in, JSON out. */
  bytes(method: string, path: string, body: Uint8Array): Promise<unknown>;
}

/**
 * The server that a command is about: `--server`, `ASSAY_SERVER`, or the one of the last `assay login`; with the token of
 * `ASSAY_TOKEN` or of that login.
 *
 * @param knownCa certificate to believe where neither flag nor environment names one
 */
export function adminClient(
  flags: ServerFlags,
  env: Readonly<Record<string, string | undefined>> = process.env,
  knownCa?: string,
): AdminClient {
  const credentials = readCredentials(configHome(env));
  const url = (flags.server ?? env['ASSAY_SERVER'] ?? credentials.current ?? 'https://127.0.0.1:8080').replace(
    /\/+$/,
    '',
  );
  const entry = credentials.servers[url];
  const token = env['ASSAY_TOKEN'] ?? entry?.token;
  const caFile = flags.certFile ?? env['ASSAY_CA_FILE'];
  const ca = caFile === undefined ? (knownCa ?? entry?.ca) : readCa(caFile);
  const send = async (
    method: string,
    path: string,
    type: string | undefined,
    body: Uint8Array | string | undefined,
  ): Promise<unknown> => {
    const answer = await call({
      method,
      url: `${url}${path}`,
      headers: {
        accept: 'application/json',
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body }),
      ...(ca === undefined ? {} : { ca }),
    });
    return readJson(answer, method, path);
  };
  return {
    url,
    json: (method, path, body) =>
      send(
        method,
        path,
        body === undefined ? undefined : 'application/json',
        body === undefined ? undefined : JSON.stringify(body),
      ),
    bytes: (method, path, body) => send(method, path, 'application/octet-stream', body),
  };
}

/** A file of PEM certificates. */
export function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`, EXIT.unreachable, {
      cause: error,
    });
  }
}

function readJson(answer: HttpAnswer, method: string, path: string): unknown {
  const text = answer.body.toString('utf8');
  if (answer.status >= 400) throw refusal(answer.status, text, method, path);
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`${method} ${path}: the answer is not JSON; is this an Assay server?`, EXIT.unreachable, {
      cause: error,
    });
  }
}

/** The server's problem document as an error of this command. */
function refusal(status: number, text: string, method: string, path: string): CliError {
  let problem: { readonly detail?: unknown; readonly remedy?: unknown; readonly code?: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) problem = parsed;
  } catch {
    // Not from Assay: a proxy's page, say. Status and path are then all there is to tell.
  }
  const message = typeof problem.detail === 'string' ? problem.detail : `${method} ${path}: status ${status}`;
  return new CliError(message, exitOf(status, problem.code), {
    ...(typeof problem.remedy === 'string' ? { hint: problem.remedy } : {}),
    data: problem,
  });
}

function exitOf(status: number, code: unknown): CliError['exit'] {
  if (status === 401 || status === 403) return EXIT.refused;
  if (status === 503 || status === 429) return EXIT.unreachable;
  if (status >= 500) return EXIT.internal;
  return code === 'audit.attempt.known' || status === 404 ? EXIT.refused : EXIT.malformed;
}
