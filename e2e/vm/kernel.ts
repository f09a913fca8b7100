/** The kernel of the machine: Debian's, taken from its package without installing it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Kernel {
  readonly image: string;
  /** Folder of its modules, `lib/modules/VERSION/kernel`. */
  readonly modules: string;
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/assay-vm', import.meta.url));

/** Debian's current kernel. Downloaded once for each version (70 MB). */
export function debianKernel(): Kernel {
  const [name = ''] = run('apt-cache', ['depends', '--installed', 'linux-image-amd64']).match(NAME) ??
    run('apt-cache', ['depends', 'linux-image-amd64']).match(NAME) ?? [''];
  if (name === '') throw new Error('apt knows no linux-image-amd64: run `apt-get update`');
  const folder = join(CACHE, name);
  if (!existsSync(folder)) download(name, folder);
  const boot = readdirSync(join(folder, 'boot')).find((file) => file.startsWith('vmlinuz-'));
  const [version] = readdirSync(join(folder, 'lib/modules'));
  if (boot === undefined || version === undefined) throw new Error(`${name}: no kernel in the package`);
  return { image: join(folder, 'boot', boot), modules: join(folder, 'lib/modules', version, 'kernel') };
}

const NAME = /linux-image-[0-9][\w.+-]*-amd64\b/;

function download(name: string, folder: string): void {
  mkdirSync(CACHE, { recursive: true });
  const temporary = mkdtempSync(join(CACHE, 'download-'));
  try {
    run('apt-get', ['download', '-q', name], temporary);
    const file = readdirSync(temporary).find((entry) => entry.endsWith('.deb'));
    if (file === undefined) throw new Error(`apt-get download ${name} brought no package`);
    run('dpkg-deb', ['-x', file, 'tree'], temporary);
    renameSync(join(temporary, 'tree'), folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], cwd?: string): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
}
