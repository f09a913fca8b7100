/** What stands behind `provider:attestation-agent:` on the command line of skopeo: `key=value` pairs, joined by `::`. */
import { ProtocolError, parseResourceUri, type ResourceUri } from '@assay/protocol';
import { STATUS, StatusError } from '@assay/ttrpc';

export interface WrapParameters {
  readonly sample: boolean;
  /** Where the key is, or will be: without a host. Absent: a new one is made up. */
  readonly keyId?: ResourceUri;
  /** File of 32 bytes. */
  readonly keyPath?: string;
  readonly wrapType: 'A256GCM' | 'A256CTR';
}

/** What clients send where the command line names a provider and nothing else. */
const NOTHING = 'Enabled';
const NAMES = ['sample', 'keyid', 'keypath', 'algorithm'];

/** @throws StatusError `INVALID_ARGUMENT` */
export function parseParameters(text: string): WrapParameters {
  const values = new Map<string, string>();
  for (const pair of text === NOTHING || text === '' ? [] : text.split('::')) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    if (at < 0 || !NAMES.includes(name)) throw invalid(`\`${shown(name)}\` is none of ${NAMES.join(', ')}`);
    if (values.has(name)) throw invalid(`\`${name}\` stands there twice`);
    values.set(name, pair.slice(at + 1));
  }
  const [sample, keyId, keyPath, algorithm] = NAMES.map((name) => values.get(name));
  if (sample !== undefined && sample !== 'true' && sample !== 'false') throw invalid('`sample` is true or false');
  if (sample === 'true' && (keyId !== undefined || keyPath !== undefined)) {
    throw invalid('the sample key has a name and a value of its own: leave keyid and keypath out');
  }
  if (algorithm !== undefined && algorithm !== 'A256GCM' && algorithm !== 'A256CTR') {
    throw invalid('`algorithm` is A256GCM or A256CTR');
  }
  if (keyPath === '') throw invalid('`keypath` is empty');
  return {
    sample: sample === 'true',
    wrapType: algorithm ?? 'A256GCM',
    ...(keyId === undefined ? {} : { keyId: parseKeyId(keyId) }),
    ...(keyPath === undefined ? {} : { keyPath }),
  };
}

/** `kbs:///r/t/t`, `kbs+plugin://…`, `HOST/r/t/t`, `/r/t/t`, `r/t/t`. The host is dropped: guests use their own broker. */
export function parseKeyId(text: string): ResourceUri {
  const [, path] = /^[^/]*\/([^/]+\/[^/]+\/[^/]+)$/.exec(text) ?? [];
  try {
    return { ...parseResourceUri(path ?? text), authority: '' };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw invalid(`keyid \`${shown(text)}\` is no kbs:///REPOSITORY/TYPE/TAG`);
  }
}

export function invalid(what: string): StatusError {
  return new StatusError(STATUS.invalidArgument, what);
}

const shown = (text: string): string => text.slice(0, 60);
