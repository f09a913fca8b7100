import { type KeyObject, sign } from 'node:crypto';
import { encodeBase64url, encodeUtf8, type JsonObject } from '@assay/bytes';
import { ccaClaims, parseTrustAnchors, trustOf, verifyCcaToken } from '@assay/evidence/cca';
import type { CcaMachine } from '../cca/cca.js';
import type { TestWorld } from '../world.js';
import {
  type EmulatedService,
  type ServiceAnswer,
  type ServiceOptions,
  type ServiceRoute,
  startService,
  text,
} from './http.js';

export interface VeraisonServiceOptions extends ServiceOptions {
  /** Machines that are provisioned there. Default: the world's one. */
  readonly machines?: readonly CcaMachine[];
  /** Changes the result before it is signed. */
  readonly edit?: (result: JsonObject) => JsonObject;
  /** Signs instead of the service's key. */
  readonly key?: KeyObject;
}

const SESSION = 'application/vnd.veraison.challenge-response-session+json';
const NEW_SESSION = '/challenge-response/v1/newSession';

/** Emulated Veraison service: it verifies CCA tokens of the machines that it knows, and says what it found in a signed result. */
export function startEmulatedVeraison(
  world: TestWorld,
  options: VeraisonServiceOptions = {},
): Promise<EmulatedService> {
  const anchors = parseTrustAnchors(encodeUtf8(world.cca.trustAnchors(options.machines)));
  const nonces = new Map<string, string>();
  const discovery: ServiceRoute = {
    name: 'discovery',
    pattern: /^\/\.well-known\/veraison\/verification$/,
    answer: () =>
      json(200, { 'api-endpoints': { newChallengeResponseSession: NEW_SESSION }, 'service-state': 'READY' }),
  };
  const open: ServiceRoute = {
    name: 'new-session',
    method: 'POST',
    pattern: /^\/challenge-response\/v1\/newSession$/,
    answer: (_, query) => {
      const nonce = query.get('nonce') ?? '';
      const id = String(nonces.size + 1);
      nonces.set(id, nonce);
      return json(201, { nonce, status: 'waiting' }, { location: `/challenge-response/v1/session/${id}` });
    },
  };
  const submit: ServiceRoute = {
    name: 'session',
    method: 'POST',
    pattern: /^\/challenge-response\/v1\/session\/(\d+)$/,
    answer: (match, _, token) => {
      const nonce = nonces.get(match[1] ?? '');
      if (nonce === undefined) return text(404, 'no such session');
      const { authentic } = verifyCcaToken({ token, trust: trustOf({ anchors }), rules: {} });
      if (authentic === undefined) return json(200, { status: 'failed' });
      const { platform, realm } = ccaClaims(authentic);
      const submod = (status: string, evidence: unknown): JsonObject => ({
        'ear.status': status,
        'ear.veraison.annotated-evidence': evidence as JsonObject,
      });
      const result: JsonObject = {
        eat_profile: 'tag:github.com,2023:veraison/ear',
        iat: Math.floor(world.now().getTime() / 1000),
        eat_nonce: nonce,
        submods: {
          CCA_SSD_PLATFORM: submod('affirming', platform),
          // No realm is provisioned: the service does not know its image.
          CCA_REALM: submod('warning', realm),
        },
      };
      const signed = signResult(options.edit?.(result) ?? result, options.key ?? world.cca.veraisonKey());
      return json(200, { status: 'complete', result: signed });
    },
  };
  return startService([discovery, open, submit], options);
}

/** A JWT under ES256. */
function signResult(result: JsonObject, key: KeyObject): string {
  const encode = (value: unknown): string => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  const input = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(result)}`;
  return `${input}.${encodeBase64url(sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))}`;
}

function json(status: number, value: object, headers: Readonly<Record<string, string>> = {}): ServiceAnswer {
  return { status, headers: { 'content-type': SESSION, ...headers }, body: encodeUtf8(JSON.stringify(value)) };
}
