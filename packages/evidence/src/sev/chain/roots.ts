/** Trust anchors of SEV: AMD's ARK files, pinned by their digest. */
import { createHash } from 'node:crypto';
import { type ParsedAuthorityCertificate, parseAuthorityCertificate } from '../certificate/authority.js';

/** A file that is trusted as it stands. */
export interface SevAnchor {
  readonly name: string;
  /** SHA-256 of the whole file, lower-case hex. */
  readonly sha256?: string;
  /**
   * SHA-256 of the signed part, which holds the key: of a root that the owner named, and of the one file that AMD published
   * without its signature. A signature that is there has to hold all the same.
   */
  readonly bodySha256?: string;
  /** Root of emulated hardware, added by the owner by name. */
  readonly emulated?: true;
}

/** AMD's ARK of each product line, in the form that SEV uses (their SNP roots are X.509 and other files). */
export const AMD_ARKS: readonly SevAnchor[] = [
  {
    name: 'ARK Naples',
    sha256: 'dedabca561e1dece8cc00b7bda864cf5f20b95017864408cfe18eaee0dce24b9',
    bodySha256: '8efddcaaf84990cf6354d93637be270220cf15797332b3d918c3b8cc77349f31',
  },
  { name: 'ARK Rome', sha256: '865977b268c16d5b27772b00aaefb4e737ba9499e818ed8e9f65b0cecefbc529' },
  { name: 'ARK Milan', sha256: '1246469862b78a7a8625579b0378d1f8e975eb8b82a1623b579d7968a5969888' },
  { name: 'ARK Genoa', sha256: '8f4e3fd36589c23f1fe0c8338465bac7e2e066d97fc92f228bbee4fd356fb674' },
  { name: 'ARK Turin', sha256: 'f6405e5096a6eee1eb7d5df75c49f9b9f7c8357a31c7fff150149d68588a7bf7' },
];

/** Which anchors decide. */
export interface SevTrust {
  readonly anchors: readonly SevAnchor[];
}

/** AMD's pins, and the ARKs of emulated hardware that the owner added by name. @throws DecodeError for a file that is none */
export function sevTrust(emulatedArks: readonly Uint8Array[] = []): SevTrust {
  return { anchors: [...AMD_ARKS, ...emulatedArks.map((file) => anchorOf(file, { emulated: true }))] };
}

/** Only these files. @throws DecodeError for a file that is none */
export function sevTrustIn(arks: readonly Uint8Array[]): SevTrust {
  return { anchors: arks.map((file) => anchorOf(file, {})) };
}

function anchorOf(file: Uint8Array, more: Pick<SevAnchor, 'emulated'>): SevAnchor {
  const digest = sha256(parseAuthorityCertificate(file).body);
  const kind = more.emulated === true ? 'emulated ARK' : 'given ARK';
  return { name: `${kind} ${digest.slice(0, 16)}…`, bodySha256: digest, ...more };
}

/** The anchor that an ARK is; undefined for a file that nobody pinned. */
export function anchorFor(ark: ParsedAuthorityCertificate, { anchors }: SevTrust): SevAnchor | undefined {
  const file = sha256(ark.bytes);
  const body = sha256(ark.body);
  return anchors.find((anchor) => anchor.sha256 === file || anchor.bodySha256 === body);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
