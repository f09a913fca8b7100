/** Folders of a root file system that is being unpacked: what comes into them later neither is kept out nor changes their times. */
import { chmod, realpath, utimes } from 'node:fs/promises';

/** What an archive says of a folder, by the folder's real path. */
export type Folders = Map<string, { readonly mode: number; readonly time: Date }>;

/** Owner's bits that unpacking needs, whatever the folder's mode will be: users other than root are kept out by their absence. */
const OWNERS = 0o700;

/** Notes a folder, and lets its owner in for now. */
export async function noteFolder(folders: Folders, path: string, mode: number, time: Date): Promise<void> {
  folders.set(path, { mode, time });
  await chmod(path, mode | OWNERS);
}

/**
 * Gives folders the modes and times that they were noted with, inner ones first.
 *
 * @param folders by paths without links, as they were then: one that a link took the place of since, or of a folder above it, is passed over
 */
export async function settleFolders(folders: Folders): Promise<void> {
  const inwards = [...folders].sort(([one], [other]) => other.length - one.length);
  for (const [path, { mode, time }] of inwards) {
    if ((await realpath(path).catch(() => undefined)) !== path) continue;
    // Times that a file system does not know are left out.
    await utimes(path, time, time).catch(() => undefined);
    await chmod(path, mode);
  }
}
