import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { encodeBase64url, encodeHex, encodeUtf8, type JsonObject } from '@assay/bytes';

/** What the emulated remote attestation service shall do otherwise. */
export interface NrasOrders {
  readonly issuer?: string;
  /** Members of the device's token instead of the ordinary ones. */
  readonly device?: JsonObject;
  readonly overall?: JsonObject;
  readonly key?: KeyObject;
  readonly header?: JsonObject;
  /** Name of the device in the answer. */
  readonly name?: string;
}

export const EMULATED_NRAS_ISSUER = 'https://nras.emulated.invalid';
const KEY_ID = 'emulated-nras';

/** The service's key set. */
export function nrasKeySet(key: KeyObject): JsonObject {
  const { kty = '', crv = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { keys: [{ kty, crv, x, y, kid: KEY_ID, use: 'sig', alg: 'ES384' }] };
}

/** Compact JWS with ES384. */
export function es384(key: KeyObject, payload: JsonObject, header: JsonObject = {}): string {
  const part = (value: JsonObject): string => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  const text = `${part({ alg: 'ES384', kid: KEY_ID, ...header })}.${part(payload)}`;
  const signature = sign('sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${encodeBase64url(Uint8Array.from(signature))}`;
}

/** Answers one question about one device as claims version 3 does. */
export function answerNras(
  kind: 'gpu' | 'switch',
  question: { readonly nonce: string; readonly report: Uint8Array; readonly claims: JsonObject },
  key: KeyObject,
  now: Date,
  orders: NrasOrders = {},
): JsonObject[] | unknown {
  const seconds = Math.floor(now.getTime() / 1000);
  const common = {
    iss: orders.issuer ?? EMULATED_NRAS_ISSUER,
    iat: seconds,
    nbf: seconds - 120,
    exp: seconds + 3600,
    eat_nonce: question.nonce,
  };
  const found = encodeHex(question.report.subarray(4, 36)) === question.nonce;
  const device = {
    ...common,
    ...claimsOf(kind, found),
    ...question.claims,
    ...orders.device,
  };
  const name = orders.name ?? (kind === 'gpu' ? 'GPU-0' : 'SWITCH-0');
  const overall = {
    ...common,
    sub: 'NVIDIA-PLATFORM-ATTESTATION',
    'x-nvidia-ver': '3.0',
    'x-nvidia-overall-att-result': found,
    submods: { [name]: ['DIGEST', ['SHA-256', '00'.repeat(32)]] },
    ...orders.overall,
  };
  const signer = orders.key ?? key;
  return [
    ['JWT', es384(signer, overall, orders.header)],
    { [kind === 'gpu' ? 'GPU-0' : 'SWITCH-0']: es384(signer, device, orders.header) },
  ];
}

function claimsOf(kind: 'gpu' | 'switch', found: boolean): JsonObject {
  const prefix = `x-nvidia-${kind}`;
  const chain = {
    'x-nvidia-cert-expiration-date': '9999-12-31T23:59:59',
    'x-nvidia-cert-status': 'valid',
    'x-nvidia-cert-ocsp-status': 'good',
    'x-nvidia-cert-revocation-reason': null,
  };
  const report = {
    measres: 'success',
    secboot: true,
    dbgstat: 'disabled',
    hwmodel: 'emulated',
    oemid: '5703',
    [`${prefix}-arch-check`]: true,
    [`${prefix}-attestation-report-cert-chain`]: chain,
    [`${prefix}-attestation-report-cert-chain-fwid-match`]: true,
    [`${prefix}-attestation-report-parsed`]: true,
    [`${prefix}-attestation-report-nonce-match`]: found,
    [`${prefix}-attestation-report-signature-verified`]: true,
  };
  const manifests = kind === 'gpu' ? ['driver-rim', 'vbios-rim'] : ['bios-rim'];
  const golden = manifests.flatMap((rim) => [
    ...['fetched', 'schema-validated', 'signature-verified', 'version-match', 'measurements-available'].map(
      (what): [string, boolean] => [`${prefix}-${rim}-${what}`, true],
    ),
    [`${prefix}-${rim}-cert-chain`, chain] as const,
  ]);
  return { ...report, ...Object.fromEntries(golden) } as JsonObject;
}
