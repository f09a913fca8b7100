/** One entry of a layer's archive, applied to a root file system (OCI image specification, "Applying changesets"). */
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ParsedTarEntry } from 'modern-tar';
import { type Folders, noteFolder } from './folders.js';
import { outside, parentOf, partsOf } from './root.js';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** What was left out, for the report. */
export interface Skipped {
  readonly path: string;
  readonly why: 'device node' | 'extended attributes' | 'FIFO';
}

export interface EntryContext {
  readonly root: string;
  readonly layer: string;
  /** Owners are set by root alone. */
  readonly owners: boolean;
  /** Paths that this layer has made: whiteouts hide those of lower layers only. */
  readonly made: Set<string>;
  /** Folders of all layers, for their end. */
  readonly folders: Folders;
  readonly skipped: Skipped[];
}

type Header = ParsedTarEntry['header'];

/** @throws AssayError `image.unpack.path` */
export async function applyEntry({ header, body }: ParsedTarEntry, context: EntryContext): Promise<void> {
  const { root, layer } = context;
  const parts = partsOf(header.name, layer);
  const name = parts.at(-1);
  if (name === undefined) {
    await body.cancel();
    if (header.type === 'directory') await attributes(root, header, context);
    return;
  }
  const parent = await parentOf(root, parts, layer);
  if (name === OPAQUE || name.startsWith(WHITEOUT)) {
    await body.cancel();
    await remove(name, parent, header, context);
    return;
  }
  const path = join(parent, name);
  await make(path, header, body, context);
  for (let made = path; made.length > root.length; made = join(made, '..')) context.made.add(made);
}

async function remove(name: string, parent: string, header: Header, { layer, made }: EntryContext): Promise<void> {
  if (name === OPAQUE) return hideBelow(parent, made);
  const hidden = name.slice(WHITEOUT.length);
  // `.wh.` alone, `.wh..` and `.wh...` name the folder itself and its parent.
  if (hidden === '' || hidden === '.' || hidden === '..') throw outside(header.name, layer, 'is a whiteout of nothing');
  await hide(join(parent, hidden), made);
}

/** Takes away what lower layers have made. Wherever a whiteout stands in its layer, it says nothing of the layer's own. */
async function hide(path: string, made: ReadonlySet<string>): Promise<void> {
  if (!made.has(path)) await rm(path, { recursive: true, force: true });
  else if ((await lstat(path).catch(() => undefined))?.isDirectory()) await hideBelow(path, made);
}

async function hideBelow(folder: string, made: ReadonlySet<string>): Promise<void> {
  for (const child of await readdir(folder)) await hide(join(folder, child), made);
}

async function make(
  path: string,
  header: Header,
  body: ReadableStream<Uint8Array>,
  context: EntryContext,
): Promise<void> {
  const { folders, layer, root, skipped } = context;
  const type = header.type ?? 'file';
  const existing = await lstat(path).catch(() => undefined);
  if (existing !== undefined && !(type === 'directory' && existing.isDirectory())) {
    await rm(path, { recursive: true, force: true });
    folders.delete(path);
  }
  if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('SCHILY.xattr.'))) {
    // Node.js cannot set them.
    skipped.push({ path: header.name, why: 'extended attributes' });
  }
  // What stands in the archive is a map and pieces, under a name of its own.
  if (Object.keys(header.pax ?? {}).some((key) => key.startsWith('GNU.sparse.')))
    throw outside(header.name, layer, 'is a sparse file of GNU tar');
  switch (type) {
    case 'file':
      await writeFile(path, body);
      break;
    case 'directory':
      await body.cancel();
      if (existing === undefined || !existing.isDirectory()) await mkdir(path, { mode: 0o755 });
      break;
    case 'symlink':
      await body.cancel();
      await symlink(header.linkname ?? '', path);
      break;
    case 'link': {
      await body.cancel();
      const target = partsOf(header.linkname ?? '', layer);
      const from =
        target.length === 0 ? undefined : join(await parentOf(root, target, layer), basename(target.at(-1) ?? ''));
      const found = from === undefined ? undefined : await lstat(from).catch(() => undefined);
      if (from === undefined || found === undefined || found.isDirectory()) {
        throw outside(header.name, layer, 'is a hard link to no file');
      }
      await link(from, path);
      return;
    }
    case 'character-device':
    case 'block-device':
    case 'fifo':
      await body.cancel();
      skipped.push({ path: header.name, why: type === 'fifo' ? 'FIFO' : 'device node' });
      return;
    default:
      await body.cancel();
      throw outside(header.name, layer, `is an entry of kind ${type}`);
  }
  await attributes(path, header, context);
}

/** Never through a link: the path is free, and must stay so until it is opened. */
async function writeFile(path: string, body: ReadableStream<Uint8Array>): Promise<void> {
  const file = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    for await (const chunk of body) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

/** Owner before mode: changing the owner takes set-uid bits away. */
async function attributes(path: string, header: Header, { owners, folders }: EntryContext): Promise<void> {
  const { uid = 0, gid = 0, mtime = new Date(0), type } = header;
  if (type === 'symlink') {
    if (owners) await lchown(path, uid, gid);
    await lutimes(path, mtime, mtime);
    return;
  }
  if (owners) await chown(path, uid, gid);
  const mode = (header.mode ?? (type === 'directory' ? 0o755 : 0o644)) & 0o7777;
  if (type === 'directory') return noteFolder(folders, path, mode, mtime);
  await chmod(path, mode);
  await utimes(path, mtime, mtime);
}
