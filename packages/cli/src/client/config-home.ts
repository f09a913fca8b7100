import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder of what the `assay` command remembers for this user: `ASSAY_CONFIG_HOME`, or `assay` in the XDG config folder. */
export function configHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const asked = env['ASSAY_CONFIG_HOME'];
  if (asked !== undefined && asked !== '') return asked;
  const xdg = env['XDG_CONFIG_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.config'), 'assay');
}

/** What is remembered of one server. */
export interface ServerEntry {
  /** Admin token (JWT). Secret. */
  readonly token?: string;
  /** PEM of the certificate that the server is verified against, beside the system's roots. */
  readonly ca?: string;
}

export interface Credentials {
  /** Server used when a command names none. */
  readonly current?: string;
  readonly servers: Readonly<Record<string, ServerEntry>>;
}

const fileName = 'credentials.json';

/** Reads the remembered servers; nothing is remembered where there is no file. */
export function readCredentials(home: string): Credentials {
  let text: string;
  try {
    text = readFileSync(join(home, fileName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { servers: {} };
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('servers' in value))
    throw new Error(`${join(home, fileName)} is not a credentials file`);
  return value as Credentials;
}

/** Remembers a server and makes it the current one. The file is replaced as a whole and readable by its owner only. */
export function rememberServer(home: string, url: string, entry: ServerEntry): void {
  const before = readCredentials(home);
  const servers = { ...before.servers, [url]: { ...before.servers[url], ...entry } };
  writePrivately(home, fileName, JSON.stringify({ current: url, servers }, null, 2));
}

/** Writes a file of the config folder with mode 0600, atomically. */
export function writePrivately(home: string, name: string, text: string): string {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, name);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${text}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
  return path;
}
