/** The first file system of the machine: a cpio archive (`newc`), made here so that it needs no privilege and is the same each time. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export type Entry =
  | { readonly path: string; readonly file: Uint8Array | string; readonly mode?: number }
  | { readonly path: string; readonly device: readonly [major: number, minor: number] };

/** A gzipped `newc` archive of the entries, with the folders that they need. */
export function initramfs(entries: readonly Entry[]): Buffer {
  const folders = new Set<string>();
  for (const { path } of entries) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  for (const folder of MOUNT_POINTS) folders.add(folder);
  const records = [
    ...[...folders].sort().map((path): Node => ({ path, mode: 0o040755 })),
    ...entries.map((entry): Node => {
      if ('device' in entry) return { path: entry.path, mode: 0o020600, device: entry.device };
      return { path: entry.path, mode: 0o100000 | (entry.mode ?? 0o644), data: Buffer.from(entry.file) };
    }),
    { path: 'TRAILER!!!', mode: 0 },
  ];
  return gzipSync(Buffer.concat(records.map((node, index) => record(node, index + 1))), { level: 1 });
}

const MOUNT_POINTS = ['dev', 'proc', 'sys', 'run', 'tmp'];

interface Node {
  readonly path: string;
  readonly mode: number;
  readonly data?: Buffer;
  readonly device?: readonly [major: number, minor: number];
}

function record({ path, mode, data = Buffer.alloc(0), device = [0, 0] }: Node, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, device[0], device[1], name.length, 0];
  const header = `070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(data)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** This process's own Node with the libraries that it loads. */
export function nodeFiles(): Entry[] {
  return [{ path: 'bin/node', file: readFileSync(process.execPath), mode: 0o755 }, ...librariesOf(process.execPath)];
}

/** Programs of this machine at their own places, with the libraries that they load; each file once. */
export function programFiles(programs: readonly string[]): Entry[] {
  const entries = programs.flatMap((path): Entry[] => [
    { path: path.slice(1), file: readFileSync(realpathSync(path)), mode: 0o755 },
    ...librariesOf(path),
  ]);
  const known = new Set(nodeFiles().map(({ path }) => path));
  return entries.filter(({ path }) => !known.has(path) && known.add(path));
}

function librariesOf(program: string): Entry[] {
  const libraries = [...execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/[^\s]+) \(0x/g)];
  return libraries.map(([, path = '']) => ({
    path: path.slice(1),
    file: readFileSync(realpathSync(path)),
    mode: 0o755,
  }));
}

/** A kernel module by its path below the kernel's folder. */
export function moduleFile(modules: string, path: string): Entry {
  return { path: `modules/${path.split('/').at(-1)}`, file: readFileSync(join(modules, path)) };
}

/** Kernel modules by their names with those that they depend on, and `modules/order`: in which they are to be loaded. */
export function moduleFiles(modules: string, names: readonly string[]): Entry[] {
  const paths = new Map<string, string>();
  for (const file of readdirSync(modules, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ko')) paths.set(nameOf(file), file);
  }
  const order: string[] = [];
  const add = (name: string): void => {
    const path = paths.get(name);
    // What is no module is built in.
    if (path === undefined || order.includes(path)) return;
    const [, depends = ''] = /\0depends=([^\0]*)/.exec(readFileSync(join(modules, path)).toString('latin1')) ?? [];
    for (const dependency of depends.split(',')) if (dependency !== '') add(nameOf(dependency));
    order.push(path);
  };
  for (const name of names) add(nameOf(name));
  const files = order.map((path) => moduleFile(modules, path));
  return [...files, { path: 'modules/order', file: order.map((path) => path.split('/').at(-1)).join('\n') }];
}

/** Names of modules have underscores, those of files often hyphens. */
function nameOf(file: string): string {
  return (file.split('/').at(-1) ?? '').replace(/\.ko$/, '').replaceAll('-', '_');
}
