import type { ResourceUri } from '@assay/protocol';
import { KbcError } from './kbc-error.js';

export interface ResourcePath {
  readonly repository: string;
  readonly type: string;
  readonly tag: string;
  /** `repository/type/tag` */
  readonly path: string;
}

/** The name of a resource; the host of a URI is ignored, as by every client. @throws KbcError `refused` for a plug-in */
export function resourcePathOf({ plugin, segments }: ResourceUri): ResourcePath {
  const [repository, type, tag] = segments;
  if (plugin !== 'resource' || repository === undefined || type === undefined || tag === undefined)
    throw new KbcError('refused', `this client knows resources only, not the plug-in ${plugin}`);
  return { repository, type, tag, path: segments.join('/') };
}

/** Ids under which a key may stand: its whole name, and for `default/key/<id>` the bare id of simple-kbs. */
export function keyIdsOf({ repository, type, tag, path }: ResourcePath): readonly string[] {
  return repository === 'default' && type === 'key' ? [path, tag] : [path];
}

export function missingFrom(what: string, path: string): KbcError {
  return new KbcError('missing', `${what} has no ${path}`);
}
