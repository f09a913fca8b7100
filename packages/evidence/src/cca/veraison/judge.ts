/**
 * What Veraison says of a token, beside the token itself.
 *
 * The service knows the platform's key. Everything that the token says by itself (form, lifecycle, the realm's signature and
 * its binding) is checked here all the same, and a result counts only for the token that it describes.
 */
import { DecodeError, encodeBase64, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { cut, type FindingDraft, failed, passed, utc, visible, warned } from '@assay/bytes/findings';
import type { CoseKey } from '../../cose/index.js';
import type { ParsedToken } from '../token/parse.js';
import { openEar } from './ear.js';

/** Seconds that a result may be old, and that the service's clock may be ahead. */
const OLDEST = 300;
const AHEAD = 60;
const SUBMODS = { platform: 'CCA_SSD_PLATFORM', realm: 'CCA_REALM' } as const;
type VeraisonPart = keyof typeof SUBMODS;
const EVIDENCE = 'ear.veraison.annotated-evidence';

export const TRUST_TIERS = ['affirming', 'warning', 'contraindicated', 'none'] as const;
export type TrustTier = (typeof TRUST_TIERS)[number];

/** Tiers of both parts, as the service appraised them. */
export interface VeraisonResult {
  readonly platform: TrustTier;
  readonly realm: TrustTier;
}

export interface VeraisonJudgement {
  readonly findings: readonly FindingDraft[];
  /** Undefined unless the result is authentic, of this token, recent, and neither part is refused. */
  readonly result?: VeraisonResult;
}

export function judgeResult(ear: Uint8Array, key: CoseKey, token: ParsedToken, now: Date): VeraisonJudgement {
  let claims: JsonObject;
  try {
    claims = openEar(ear, key);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [unusable(visible(error.reason))] };
  }
  const problems = [...judgeNonce(claims, token), ...judgeTime(claims, now), ...judgeToken(claims, token)];
  const [platform, realm] = [tierOf(claims, 'platform'), tierOf(claims, 'realm')];
  const tiers = [judgeTier('platform', platform), judgeTier('realm', realm)];
  const findings = [
    ...(problems.length === 0 ? [passed('cca.veraison.result', 'Veraison')] : problems.map(unusable)),
    ...tiers,
  ];
  const good = findings.every(({ outcome }) => outcome !== 'fail') && platform !== undefined && realm !== undefined;
  return { findings, ...(good ? { result: { platform, realm } } : {}) };
}

/** The nonce of the session is the realm's challenge; padding of base64url may be there or not. */
function judgeNonce(claims: JsonObject, { realm }: ParsedToken): string[] {
  const nonce = own(claims, 'eat_nonce');
  const wanted = Buffer.from(realm.challenge).toString('base64url');
  return typeof nonce === 'string' && nonce.replace(/=+$/, '') === wanted ? [] : ['is of another challenge'];
}

function judgeTime(claims: JsonObject, now: Date): string[] {
  const issued = own(claims, 'iat');
  if (typeof issued !== 'number') return ['has no time of issue'];
  const age = now.getTime() / 1000 - issued;
  if (age > OLDEST) return [`was issued ${utc(new Date(issued * 1000))}, more than ${OLDEST} seconds ago`];
  const end = own(claims, 'exp');
  if (end !== undefined && !(typeof end === 'number' && now.getTime() / 1000 < end)) return ['has ended'];
  return age < -AHEAD ? [`was issued ${utc(new Date(issued * 1000))}, in the future`] : [];
}

/** The claims that name platform and realm, as the service read them: those of the token that it was given. */
function judgeToken(claims: JsonObject, { platform, realm }: ParsedToken): string[] {
  const said = (part: VeraisonPart, name: string): JsonValue | undefined => {
    const evidence = own(submodOf(claims, part), EVIDENCE);
    return evidence !== undefined && isJsonObject(evidence) ? own(evidence, name) : undefined;
  };
  const wanted: readonly (readonly [VeraisonPart, string, Uint8Array])[] = [
    ['platform', 'cca-platform-implementation-id', platform.implementationId],
    ['platform', 'cca-platform-instance-id', platform.instanceId],
    ['realm', 'cca-realm-challenge', realm.challenge],
    ['realm', 'cca-realm-initial-measurement', realm.initialMeasurement],
    ['realm', 'cca-realm-personalization-value', realm.personalizationValue],
  ];
  const differing = wanted.filter(([part, name, value]) => said(part, name) !== encodeBase64(value));
  // Some releases of the service leave the key out.
  const key = said('realm', 'cca-realm-public-key');
  return [
    ...differing.map(([, name]) => `does not describe this token: ${name}`),
    ...(key === undefined || key === encodeBase64(realm.publicKey) ? [] : ['does not describe this realm’s key']),
  ];
}

function tierOf(claims: JsonObject, part: VeraisonPart): TrustTier | undefined {
  const status = own(submodOf(claims, part), 'ear.status');
  return TRUST_TIERS.find((tier) => tier === status);
}

/** Affirming and warning are let through, the latter with a warning; nothing else is: upstream asks for presence alone. */
function judgeTier(part: VeraisonPart, tier: TrustTier | undefined): FindingDraft {
  if (tier === 'affirming') return passed('cca.veraison.status', part, tier);
  const facts = {
    subject: part,
    params: { part, actual: tier ?? 'absent' },
    expected: 'affirming',
    actual: tier ?? null,
    compare: { relation: 'equal', type: 'text' },
    source: `submodule ${SUBMODS[part]} of Veraison’s result`,
    origin: { kind: 'setting', key: 'cca.veraison' },
  } as const;
  return tier === 'warning' ? warned('cca.veraison.status', facts) : failed('cca.veraison.status', facts);
}

function submodOf(claims: JsonObject, part: VeraisonPart): JsonObject {
  const submods = own(claims, 'submods');
  const found = submods !== undefined && isJsonObject(submods) ? own(submods, SUBMODS[part]) : undefined;
  return found !== undefined && isJsonObject(found) ? found : {};
}

function unusable(what: string): FindingDraft {
  return failed('cca.veraison.result', {
    subject: 'Veraison',
    params: { what: cut(what, 72) },
    expected: 'a recent result for this token under the pinned key',
    actual: what,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'key of the owner: cca.veraison_key',
    origin: { kind: 'setting', key: 'cca.veraison_key' },
  });
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
