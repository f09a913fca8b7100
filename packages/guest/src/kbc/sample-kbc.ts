/**
 * `sample_kbc`: answers without a broker, to try how a guest is wired. Its one key stands in the public source of Confidential
 * Containers, so that it protects nothing; what it says of whom to believe lets nobody in.
 */
import type { ResourceUri } from '@assay/protocol';
import type { Kbc } from './kbc.js';
import { missingFrom, resourcePathOf } from './resource-path.js';

const KEY = 'd99b7705b0ba7a168295b3a3367270b0dd9b371bf514ca8b9ba7f0a33711daea';

/** By the type of the resource alone, as upstream; there they are documents of its tests. */
const DOCUMENTS: ReadonlyMap<string, string> = new Map([
  ['security-policy', '{"default":[{"type":"reject"}]}'],
  ['sigstore-config', '{}'],
  ['credential', '{"auths":{}}'],
]);

export class SampleKbc implements Kbc {
  /** @throws KbcError `missing`, for keys of signers as well: it believes none */
  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const { path, type } = resourcePathOf(uri);
    if (type === 'key') return new Uint8Array(Buffer.from(KEY, 'hex'));
    const document = DOCUMENTS.get(type);
    if (document === undefined) throw missingFrom('sample_kbc', path);
    return new TextEncoder().encode(document);
  }
}
