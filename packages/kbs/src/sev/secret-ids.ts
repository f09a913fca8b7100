/** Ids of simple-kbs as names of resources: a full name stands for itself, a bare id for `default/<type>/<id>`. */
import { assayError } from '@assay/bytes/findings';
import { parseResourceUri } from '@assay/protocol';
import { reading } from '../protocol-fault.js';
import { parseResourcePath, type ResourceName } from '../resources/name.js';

/** @throws AssayError `resource.name.form` */
export function resourceOf(type: 'key' | 'keyset' | 'resource', id: string): ResourceName {
  if (id.startsWith('kbs:')) {
    const { plugin, segments } = reading(() => parseResourceUri(id));
    if (plugin === 'resource') return parseResourcePath(segments.join('/'));
    throw assayError('resource.name.form', {
      params: { path: id.slice(0, 60), n: 0, segment: plugin, why: 'is a plug-in; a resource is due' },
      subject: 'id',
    });
  }
  return parseResourcePath(id.includes('/') ? id : `default/${type}/${id}`);
}

/** Target of a report key, `report-key/<id>`. @throws AssayError `resource.name.form` */
export function reportKeyName(id: string): string {
  return `report-key/${parseResourcePath(`default/report-key/${id}`).tag}`;
}
