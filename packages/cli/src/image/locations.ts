import {
  directorySource,
  directoryTarget,
  type ImageSource,
  type ImageTarget,
  type Location,
  layoutSource,
  layoutTarget,
  parseLocation,
} from '@assay/oci';
import { CliError, EXIT } from '../exit.js';

/** @throws CliError, AssayError `image.reference.form` */
export function sourceOf(text: string): ImageSource {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'layout':
      return layoutSource(location.folder, location.tag);
    case 'directory':
      return directorySource(location.folder);
    case 'registry':
      throw unserved(location);
  }
}

export function targetOf(text: string): ImageTarget {
  const location = parseLocation(text);
  switch (location.kind) {
    case 'layout':
      return layoutTarget(location.folder, location.tag);
    case 'directory':
      return directoryTarget(location.folder);
    case 'registry':
      throw unserved(location);
  }
}

function unserved({ kind }: Location): CliError {
  return new CliError(`a ${kind} is not served by this release`, EXIT.usage, {
    hint: 'copy with skopeo to oci:DIR:TAG first',
  });
}
