/** Debian's docker-registry on a free port, with its files in a folder of its own. */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import type { Peers } from './peers.js';
import { freePort } from './ports.js';
import { within } from './wait.js';

export const REGISTRY_PEERS: Peers = { 'docker-registry': '/usr/bin/docker-registry' };

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  stop(): Promise<void>;
}

/** @param htpasswd lines of a password file: the registry then asks everybody for a name */
export async function startRegistry(htpasswd?: string): Promise<TestRegistry> {
  const folder = temporaryFolder('assay-registry-');
  const port = await freePort();
  writeFileSync(join(folder, 'htpasswd'), htpasswd ?? '');
  const auth = htpasswd === undefined ? '' : `auth:\n  htpasswd:\n    realm: test\n    path: ${folder}/htpasswd\n`;
  writeFileSync(
    join(folder, 'config.yml'),
    `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/data\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:${port}\n${auth}`,
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => resolve());
    child.on('error', () => resolve());
  });
  const up = await within(15_000, () =>
    fetch(`http://127.0.0.1:${port}/v2/`).then(
      ({ status }) => status === 200 || status === 401,
      () => false,
    ),
  );
  if (!up) throw new Error('docker-registry did not start');
  return {
    host: `127.0.0.1:${port}`,
    stop: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
