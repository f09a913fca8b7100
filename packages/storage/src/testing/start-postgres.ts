import { execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A throw-away PostgreSQL server on a socket of its own. */
export interface TestPostgres {
  /** Folder of the socket, for the driver's `host`. */
  readonly host: string;
  readonly user: string;
  readonly database: string;
  /** Ends the server and removes its files. */
  readonly stop: () => Promise<void>;
}

const MISSING = 'PostgreSQL is not installed here: its tests are skipped. To run them: apt-get install postgresql';

/**
 * Starts PostgreSQL where it is installed.
 *
 * @param installed folder with a folder per version, as Debian and its kin have it
 * @returns undefined, with a line on stderr, where it is not: the tests are then to be skipped.
 * @throws Error instead with `CI=true`, where nothing may be skipped.
 */
export async function postgresForTests(installed = '/usr/lib/postgresql'): Promise<TestPostgres | undefined> {
  const bin = await findBinaries(installed);
  if (bin !== undefined) return startPostgres(bin);
  if (process.env['CI'] === 'true') throw new Error(MISSING);
  process.stderr.write(`${MISSING}\n`);
  return undefined;
}

async function findBinaries(root: string): Promise<string | undefined> {
  const versions = (await readdir(root).catch(() => [])).sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const bin = join(root, version, 'bin');
    if (await stat(join(bin, 'initdb')).catch(() => undefined)) return bin;
  }
  return undefined;
}

async function startPostgres(bin: string): Promise<TestPostgres> {
  // PostgreSQL refuses to run as root, so root hands it to the user of the package.
  const user = process.getuid?.() === 0 ? await userNamed('postgres') : {};
  const folder = await mkdtemp(join(tmpdir(), 'assay-pg-'));
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid as number);
  const data = join(folder, 'data');
  // Its files need not outlive the machine, so their creation is not synced; commits are, as in production.
  const flags = ['--no-sync', '--auth=trust', '--username=assay', '--encoding=UTF8', '--locale=C'];
  await run(join(bin, 'initdb'), [...flags, '-D', data], { ...user, cwd: folder });
  const settings = { listen_addresses: '', unix_socket_directories: folder, max_connections: '50' };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...options], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const kill = (): void => void server.kill('SIGQUIT'); // immediate shutdown
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk).slice(-10_000);
      if (log.includes('ready to accept connections')) resolve();
    });
    void ended.then(() => reject(new Error(`PostgreSQL did not start:\n${log}`)));
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { host: folder, user: 'assay', database: 'postgres', stop };
}

async function userNamed(name: string): Promise<{ uid?: number; gid?: number }> {
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, name])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}
