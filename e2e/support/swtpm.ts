/** A TPM 2.0 of its own for a test: swtpm on an absolute socket, with an EK certificate of a CA that is made for it. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  create,
  createPrimary,
  evictControl,
  flushing,
  load,
  openTransport,
  RH,
  startup,
  storageTemplate,
  Tpm,
} from '@assay/guest/tpm';
import { temporaryFolder } from '@assay/testkit';
import { within } from './wait.js';

const run = promisify(execFile);

/** Programs, and the Debian packages that bring them. */
const PEERS = [
  ['/usr/bin/swtpm', 'swtpm'],
  ['/usr/bin/swtpm_setup', 'swtpm-tools'],
] as const;

/**
 * True when swtpm is there; otherwise says what brings it.
 *
 * @throws Error with `CI=true`, where nothing may be skipped
 */
export function swtpmPossible(): boolean {
  const missing = PEERS.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length === 0) return true;
  const text = `swtpm is not here: its tests are skipped. To run them: apt-get install ${missing.join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`${text}\n`);
  return false;
}

export interface SoftwareTpm {
  /** `unix:/…/tpm.sock` */
  readonly address: string;
  /** Does something with the TPM over a connection of its own: swtpm serves one at a time. */
  use<T>(work: (tpm: Tpm) => Promise<T>): Promise<T>;
  /** Power off and on: PCRs begin anew, keys and NV memory stay. */
  reboot(): Promise<void>;
  stop(): Promise<void>;
}

/** A folder for TPMs of one maker. */
export interface TpmMaker {
  readonly folder: string;
  /** PEM files of the CA that certifies endorsement keys, and of its root. */
  readonly ca: string;
  readonly rootCa: string;
  manufacture(name: string, options?: { readonly certified?: boolean }): Promise<SoftwareTpm>;
  close(): Promise<void>;
}

/** Sets up a maker of TPMs: a CA of its own in a folder of its own. */
export function tpmMaker(): TpmMaker {
  // Socket paths have about a hundred characters at most.
  const folder = temporaryFolder('tpm-');
  const ca = join(folder, 'ca');
  mkdirSync(ca);
  writeFileSync(
    join(folder, 'ca.conf'),
    `statedir = ${ca}\nsigningkey = ${ca}/key.pem\nissuercert = ${ca}/issuer.pem\ncertserial = ${ca}/serial\n`,
  );
  writeFileSync(
    join(folder, 'ca.options'),
    '--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n',
  );
  const setup = join(folder, 'setup.conf');
  writeFileSync(
    setup,
    `create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = ${folder}/ca.conf\n` +
      `create_certs_tool_options = ${folder}/ca.options\nactive_pcr_banks = sha256\n`,
  );
  const made: SoftwareTpm[] = [];
  return {
    folder,
    ca: join(ca, 'issuer.pem'),
    rootCa: join(ca, 'swtpm-localca-rootca-cert.pem'),
    manufacture: async (name, { certified = true } = {}) => {
      const state = join(folder, name);
      mkdirSync(state);
      const certificate = certified ? ['--create-ek-cert'] : [];
      await run('/usr/bin/swtpm_setup', [
        '--tpm2',
        '--tpmstate',
        state,
        '--config',
        setup,
        '--pcr-banks',
        'sha256',
        ...certificate,
      ]);
      const tpm = await powered(state, join(folder, `${name}.sock`));
      made.push(tpm);
      return tpm;
    },
    close: async () => {
      for (const tpm of made) await tpm.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function powered(state: string, socket: string): Promise<SoftwareTpm> {
  const address = `unix:${socket}`;
  const use = async <T>(work: (tpm: Tpm) => Promise<T>): Promise<T> => {
    const tpm = new Tpm(await openTransport(address, 30_000));
    try {
      return await work(tpm);
    } finally {
      await tpm.close();
    }
  };
  let off = await powerOn(state, socket, use);
  return {
    address,
    use,
    reboot: async () => {
      await off();
      off = await powerOn(state, socket, use);
    },
    stop: () => off(),
  };
}

/** @returns what switches it off again */
async function powerOn(
  state: string,
  socket: string,
  use: <T>(work: (tpm: Tpm) => Promise<T>) => Promise<T>,
): Promise<() => Promise<void>> {
  const flags = ['--tpm2', '--tpmstate', `dir=${state}`, '--server', `type=unixio,path=${socket}`];
  const child = spawn('/usr/bin/swtpm', ['socket', ...flags, '--flags', 'not-need-init'], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  const off = async (): Promise<void> => {
    child.kill();
    await ended;
    rmSync(socket, { force: true });
  };
  const up = await within(10_000, () =>
    use(startup).then(
      () => true,
      () => false,
    ),
  );
  if (up) return off;
  await off();
  throw new Error(`swtpm did not start with ${state}`);
}

/** Makes a key with TPM2_Create under a storage key, and keeps it under a handle. */
export async function persist(tpm: Tpm, handle: number, template: Parameters<typeof create>[2]): Promise<void> {
  const parent = await createPrimary(tpm, RH.owner, storageTemplate('p256'));
  await flushing.after(tpm, parent.handle, async () => {
    const key = await load(tpm, parent.handle, await create(tpm, parent.handle, template));
    await flushing.after(tpm, key.handle, () => evictControl(tpm, key.handle, handle));
  });
}
