import { STATUS, StatusError } from '@assay/ttrpc';

/**
 * Container id that the shim makes of an image's reference: the last component, `:` replaced by `_`.
 * Two images with the same last component have the same id.
 *
 * @throws StatusError INVALID_ARGUMENT where there is no last component
 */
export function containerIdOf(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (name === '') throw new StatusError(STATUS.invalidArgument, `invalid image name: ${image}`);
  return name.replaceAll(':', '_');
}

const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]+$/;
/** A folder is named by it. */
const LONGEST_ID = 255;

/** What agents take as a container id: Kata's rule, in ASCII, and no longer than the name of a folder. */
export function isContainerId(id: string): boolean {
  return id.length <= LONGEST_ID && CONTAINER_ID.test(id);
}
