/** As whom a container runs: `USER[:GROUP]` of an image's configuration, numbers or names of the image's own files. */
import { constants } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { malformed } from '../model/manifest.js';

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The highest number, with all bits set, is nobody's: the kernel takes it for "as it is". */
const HIGHEST = 2 ** 32 - 2;
const LARGEST_FILE = 16 * 1024 * 1024;
const MOST_LINKS = 40;

/** @param rootfs unpacked root file system. @throws AssayError `image.manifest.form` for one who is not in the image, or has no number */
export async function userOf(value: string, rootfs: string): Promise<ContainerUser> {
  const [, user = '', group = ''] = /^([^:]*)(?::(.*))?$/s.exec(value) ?? [];
  const passwd = user === '' ? [] : await table(rootfs, ['etc', 'passwd']);
  const entry = passwd.find((row) => row[0] === user || (idOf(user) !== undefined && row[2] === user));
  const uid = user === '' ? 0 : (idOf(user) ?? idOf(entry?.[2]));
  const gid = group === '' ? (entry === undefined ? 0 : idOf(entry[3])) : await groupOf(group, rootfs);
  if (uid === undefined || gid === undefined)
    throw malformed('configuration', `user \`${value.slice(0, 40)}\` is not in the image`);
  return { uid, gid };
}

async function groupOf(group: string, rootfs: string): Promise<number | undefined> {
  return idOf(group) ?? idOf((await table(rootfs, ['etc', 'group'])).find((row) => row[0] === group)?.[2]);
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= HIGHEST ? id : undefined;
}

/** Rows of a file; none where there is no such file. */
async function table(rootfs: string, parts: readonly string[]): Promise<readonly (readonly string[])[]> {
  const path = await realPath(rootfs, parts);
  const file = path === undefined ? undefined : await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const facts = await file?.stat();
    if (facts === undefined || !facts.isFile()) return [];
    if (facts.size > LARGEST_FILE) throw malformed('image', `/${parts.join('/')} is larger than ${LARGEST_FILE} bytes`);
    const text = (await file?.readFile('utf8')) ?? '';
    return text.split('\n').map((line) => line.split(':'));
  } finally {
    await file?.close();
  }
}

/** The file is the image's: links are followed as inside the container. Undefined where there is none. */
async function realPath(rootfs: string, parts: readonly string[]): Promise<string | undefined> {
  let rest = parts;
  let at: readonly string[] = [];
  for (let links = 0; rest.length > 0 && links <= MOST_LINKS; ) {
    const [part = '', ...more] = rest;
    rest = more;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const here = join(rootfs, ...at, part);
    const found = await lstat(here).catch(() => undefined);
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      at = [...at, part];
      continue;
    }
    links += 1;
    const target = await readlink(here);
    if (target.startsWith('/')) at = [];
    rest = [...target.split('/').filter((piece) => piece !== '' && piece !== '.'), ...rest];
  }
  return rest.length === 0 ? join(rootfs, ...at) : undefined;
}
