/** Sizes that mkfs.ext4 chose. */
const BLOCK = 4096;

/**
 * Blocks that mkfs.ext4 writes without reading: 0 and the copies of the superblock, from the words of its dry run. On a device with
 * integrity tags they are zeroed first, as a sector that was never written cannot be read.
 */
export function superblocks(dryRun: string): readonly number[] {
  const list = /Superblock backups stored on blocks:\s*([\d,\s]+)/.exec(dryRun)?.[1] ?? '';
  const backups = list
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map(Number);
  return [0, ...backups];
}

/** Arguments of dd that zero one block. */
export function zeroBlock(device: string, block: number): readonly string[] {
  return ['if=/dev/zero', `of=${device}`, `bs=${BLOCK}`, 'count=1', `seek=${block}`, 'oflag=direct'];
}

/** mkfs options under which inode tables are written at once: adds to the last `-E`, unless the caller has decided. */
export function withoutLazyTables(options: readonly string[]): readonly string[] {
  if (options.some((option) => option.includes('lazy_itable_init'))) return options;
  const at = options.findLastIndex((option) => option.startsWith('-E'));
  if (at < 0) return [...options, '-E', 'lazy_itable_init=0'];
  const changed = [...options];
  const value = options[at] === '-E' ? at + 1 : at;
  if (value >= options.length) return [...options, 'lazy_itable_init=0'];
  changed[value] = `${options[value]},lazy_itable_init=0`;
  return changed;
}
