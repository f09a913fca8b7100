/** Trust anchors of NVIDIA devices and of NVIDIA's reference manifests. */
import { createHash } from 'node:crypto';
import { decodeBase64 } from '@assay/bytes';
import { parseCertificate, type TrustAnchor } from '../../x509/index.js';

/** Certificates that NVIDIA publishes with its verifier, with the SHA-256 of each: a table that does not agree is a defect. */
const DEVICE_ROOT = {
  fingerprint: '102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48',
  der: `
    MIICCzCCAZCgAwIBAgIQLTZwscoQBBHB/sDoKgZbVDAKBggqhkjOPQQDAzA1MSIwIAYDVQQDDBlOVklESUEgRGV2aWNlIElkZW50
    aXR5IENBMQ8wDQYDVQQKDAZOVklESUEwIBcNMjExMTA1MDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMDUxIjAgBgNVBAMMGU5WSURJ
    QSBEZXZpY2UgSWRlbnRpdHkgQ0ExDzANBgNVBAoMBk5WSURJQTB2MBAGByqGSM49AgEGBSuBBAAiA2IABA5MFKM7+KViZljbQSlg
    fky/RRnEQScW9NDZF8SXgAW96r6u/Ve8ZggtcYpPi2BS4VFu6KfEIrhN6FcHG7WP05W+oM+hxj7nyA1r1jkB2Ry70YfThX3Ba1zO
    ryOP+MJ9vaNjMGEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFFeF/4PyY8xlfWi3Olv0jUrL+0lf
    MB8GA1UdIwQYMBaAFFeF/4PyY8xlfWi3Olv0jUrL+0lfMAoGCCqGSM49BAMDA2kAMGYCMQCPeFM3TASsKQVaT+8S0sO9u97PVGCp
    E9d/I42IT7k3UUOLSR/qvJynVOD1vQKVXf0CMQC+EY55WYoDBvs2wPAH1Gw4LbcwUN8QCff8bFmV4ZxjCRr4WXTLFHBKjbfneGSB
    WwA=`,
} as const;

const RIM_ROOT = {
  fingerprint: '12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1',
  der: `
    MIICKTCCAbCgAwIBAgIQRdrjoA5QN73fh1N17LXicDAKBggqhkjOPQQDAzBFMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGTlZJRElB
    MSUwIwYDVQQDDBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMCAXDTIzMDMxNjE1MzczNFoYDzIwNTMwMzA4MTUzNzM0WjBF
    MQswCQYDVQQGEwJVUzEPMA0GA1UECgwGTlZJRElBMSUwIwYDVQQDDBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMHYwEAYH
    KoZIzj0CAQYFK4EEACIDYgAEuECyi9vNM+Iw2lfUzyBldHAwaC1HF7TCgp12QcEyUTm3Tagxwr48d55+K2VIlWYIDk7NlAIQdcV/
    Ff7euGLI+Qauj93HsSI4WX298PpW54RTgz9tC+Q684caR/BXWEeZo2MwYTAdBgNVHQ4EFgQUpaXrOPK4ZDAk08DBskn594zeZjAw
    HwYDVR0jBBgwFoAUpaXrOPK4ZDAk08DBskn594zeZjAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0E
    AwMDZwAwZAIwHGDyscDP6ihHqRvZlI3eqZ4YkvjE1duaN84tAHRVgxVMvNrp5Tnom3idHYGW/dskAjATvjIx6VzHm/4e2GiZAyZE
    IUBDOKPzp5ei/A0iUZpdvngenDwV8Qa/wGdiTmJ7Bp4=`,
} as const;

/** Anchors of a verifier: of devices, of reference manifests. */
export interface NvidiaTrust {
  readonly devices: readonly TrustAnchor[];
  readonly manifests: readonly TrustAnchor[];
}

/** NVIDIA's roots, and the roots of emulated hardware that the owner added by name. */
export function nvidiaTrust(emulated: readonly TrustAnchor[] = []): NvidiaTrust {
  const added = emulated.map((anchor) => ({ ...anchor, emulated: true as const }));
  return {
    devices: [builtIn(DEVICE_ROOT), ...added],
    manifests: [builtIn(RIM_ROOT), ...added],
  };
}

/** @param roots instead of NVIDIA's, for devices and manifests alike */
export function nvidiaTrustIn(roots: readonly TrustAnchor[], emulated: readonly TrustAnchor[] = []): NvidiaTrust {
  const anchors = [...roots, ...emulated.map((anchor) => ({ ...anchor, emulated: true as const }))];
  if (anchors.length === 0) throw new RangeError('no trust anchor given');
  return { devices: anchors, manifests: anchors };
}

function builtIn({ der, fingerprint }: { readonly der: string; readonly fingerprint: string }): TrustAnchor {
  const certificate = parseCertificate(decodeBase64(der.replace(/\s/g, '')));
  if (certificate.fingerprint !== fingerprint) throw new Error('a built-in NVIDIA root is not the pinned one');
  return {
    name: `built-in pin of ${certificate.subject.commonName ?? fingerprint}`,
    publicKey: certificate.publicKey.der,
  };
}

/** For findings: SHA-256 of the keys that would have been trusted. */
export function anchorDigests(anchors: readonly TrustAnchor[]): string[] {
  return anchors.map(({ publicKey }) => createHash('sha256').update(publicKey).digest('hex'));
}

/** For findings: `NVIDIA Device Identity CA`. */
export function anchorNames(anchors: readonly TrustAnchor[]): string {
  return anchors.map(({ name }) => name.replace('built-in pin of ', '')).join(', ');
}
