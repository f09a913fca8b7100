import { DecodeError, decodeBase64, decodeUtf8, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { manifestCertificates } from '@assay/evidence/nvidia';
import type { Fetcher } from '../http/fetcher.js';
import type { Answer } from './answer.js';
import { exchange, failure, type Source } from './source.js';

/** Where NVIDIA serves its reference manifests. */
export const NVIDIA_RIM_SERVICE = 'https://rim.attestation.nvidia.com';

export interface RimSourceOptions {
  /** Scheme and host. Default {@link NVIDIA_RIM_SERVICE}. */
  readonly url?: string;
  readonly fetcher: Fetcher;
  /** Of a contract with NVIDIA. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** NVIDIA's RIM service as a source: `GET /v1/rim/<name>` answers `{"rim": base64}`. */
export function rimSource({ fetcher, headers, url = NVIDIA_RIM_SERVICE }: RimSourceOptions): Source {
  const base = new URL(url);
  return {
    name: base.host,
    provides: (item) => item.kind === 'nvidia-rim',
    fetch: async (item) => {
      if (item.kind !== 'nvidia-rim') return failure({ kind: 'unknown' });
      return exchange(fetcher, 'nvidia', item, {
        url: new URL(`/v1/rim/${item.id}`, base),
        ...(headers === undefined ? {} : { headers }),
        read: ({ body }) => readRim(body),
      });
    },
  };
}

/** @throws DecodeError */
function readRim(body: Uint8Array): Answer {
  const whole = parseJsonStrict(decodeUtf8(body));
  const rim = isJsonObject(whole) ? whole['rim'] : undefined;
  if (typeof rim !== 'string') throw new DecodeError('RIM service', 'answer has no rim');
  const bytes = decodeBase64(rim);
  // A manifest ends when its signer does; without a signer it is refused by the check that follows.
  const [signer] = manifestCertificates(bytes);
  if (signer === undefined) throw new DecodeError('RIM service', 'rim is not signed as a whole');
  return { pieces: { rim: bytes }, issued: signer.notBefore, nextUpdate: signer.notAfter };
}
