/** A token, the owner's platform keys and reference values: every question asked, every answer kept. */
import { createHash } from 'node:crypto';
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, refuses, warned } from '@assay/bytes/findings';
import { type CoseKey, verifySign1 } from '../cose/index.js';
import { isSecured, lifecycleHex, lifecycleName } from './lifecycle.js';
import type { CcaRules } from './rules.js';
import type { CcaTrust, TrustedKey } from './stores/anchors.js';
import { unknownPlatform, unknownRealm } from './stores/references.js';
import { HASHES } from './token/claims.js';
import { type ParsedToken, parseToken, type TokenParse } from './token/parse.js';
import { judgeResult, type VeraisonJudgement, type VeraisonResult } from './veraison/judge.js';

declare const authentic: unique symbol;
/** A token of an enrolled, secured platform, with the realm that it vouches for. Only `verifyCcaToken` makes one. */
export interface AuthenticToken {
  readonly [authentic]: true;
  readonly token: ParsedToken;
  /** What vouches for the platform: an enrolled key, or Veraison. */
  readonly anchor: { readonly name: string; readonly emulated?: true };
  /** Where Veraison vouches for it. */
  readonly veraison?: VeraisonResult;
}

export interface CcaInput {
  readonly token: Uint8Array;
  readonly trust: CcaTrust;
  readonly rules: CcaRules;
  /** Result of a Veraison service for this token, asked where no key is enrolled, and the key that the owner pinned for it. */
  readonly veraison?: { readonly key: CoseKey; readonly ear: Uint8Array; readonly now: Date };
}

export interface CcaVerification {
  readonly findings: readonly FindingDraft[];
  /** Of a token of right form. */
  readonly token?: ParsedToken;
  readonly checks: { readonly platform: boolean; readonly realm: boolean; readonly binding: boolean };
  readonly authentic?: AuthenticToken;
}

const VERAISON = { name: 'Veraison' } as const;
const SPEC = 'Arm DEN0137, A7.2: attestation token';
const spec = (clause: string) => ({ kind: 'spec', document: 'Arm DEN0137', clause }) as const;

/** Verifies one token. Pure, and without exceptions for what a token may hold. Nothing in a token has a date. */
export function verifyCcaToken({ rules, token: bytes, trust, veraison }: CcaInput): CcaVerification {
  const parsed = parseToken(bytes);
  const { token } = parsed;
  const anchor = findAnchor(parsed, trust);
  // An enrolled key decides alone; the service is for machines that it knows and this owner does not.
  const remote =
    token === undefined || anchor !== undefined || veraison === undefined
      ? undefined
      : judgeResult(veraison.ear, veraison.key, token, veraison.now);
  const platform = judgePlatformSignature(parsed, anchor, remote);
  const realm = judgeRealmSignature(parsed);
  const binding = judgeBinding(parsed);
  const evidence = [
    ...parsed.findings,
    ...(remote?.findings ?? []),
    judgeKey(parsed, anchor, remote),
    platform,
    judgeLifecycle(parsed),
    realm,
    binding,
  ];
  const source = anchor ?? (remote?.result === undefined ? undefined : VERAISON);
  const proven = token !== undefined && source !== undefined && !evidence.some(refuses);
  const findings = [...evidence, ...judgeReferences(token, rules), ...(proven ? [hardware(source)] : [])];
  return {
    findings,
    ...(token === undefined ? {} : { token }),
    checks: {
      platform: platform.outcome === 'pass',
      realm: realm.outcome === 'pass',
      binding: binding.outcome === 'pass',
    },
    ...(proven
      ? {
          authentic: {
            token,
            anchor: source,
            ...(remote?.result === undefined ? {} : { veraison: remote.result }),
          } as AuthenticToken,
        }
      : {}),
  };
}

function findAnchor({ platform }: TokenParse, trust: CcaTrust): TrustedKey | undefined {
  const { implementationId, instanceId } = platform?.claims ?? {};
  return implementationId === undefined || instanceId === undefined
    ? undefined
    : trust.find(implementationId, instanceId);
}

function judgeKey(
  { platform }: TokenParse,
  anchor: TrustedKey | undefined,
  remote: VeraisonJudgement | undefined,
): FindingDraft {
  const { implementationId, instanceId } = platform?.claims ?? {};
  if (implementationId === undefined || instanceId === undefined) {
    return notChecked('cca.platform.key', 'not looked for: the platform’s ids were not read', { subject: 'platform' });
  }
  if (anchor !== undefined) return passed('cca.platform.key', 'platform', anchor.name);
  // What is wrong with its answer is told by the answer's own findings.
  if (remote !== undefined) {
    return notChecked('cca.platform.key', 'not looked for: Veraison was asked', { subject: 'platform' });
  }
  const [impl, inst] = [encodeHex(implementationId), encodeHex(instanceId)];
  return failed('cca.platform.key', {
    subject: 'platform',
    params: { impl, inst },
    expected: 'a trust anchor with both ids',
    actual: { 'implementation-id': impl, 'instance-id': inst },
    compare: { relation: 'present', type: 'key' },
    source: 'trust-anchor store of the owner: cca.trust_anchors',
    origin: { kind: 'setting', key: 'cca.trust_anchors' },
  });
}

function judgePlatformSignature(
  { platform }: TokenParse,
  anchor: TrustedKey | undefined,
  remote: VeraisonJudgement | undefined,
): FindingDraft {
  const id = 'cca.platform.signature';
  if (platform === undefined || anchor === undefined) {
    const missing = remote === undefined ? 'there is no trust anchor' : 'Veraison has the key';
    const why = platform === undefined ? 'the token was not read' : missing;
    return notChecked(id, `not checked: ${why}`, { subject: 'platform' });
  }
  if (verifySign1(platform.message, anchor.key)) return passed(id, 'platform', anchor.name);
  return failed(id, {
    subject: 'platform',
    params: { inst: encodeHex(platform.claims.instanceId ?? new Uint8Array()) },
    expected: anchor.name,
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'trust-anchor store of the owner: cca.trust_anchors',
    origin: { kind: 'setting', key: 'cca.trust_anchors' },
    causedBy: ['cca.token.algorithm'],
  });
}

function judgeRealmSignature({ realm }: TokenParse): FindingDraft {
  const id = 'cca.realm.signature';
  if (realm?.key === undefined) {
    return notChecked(id, 'not checked: the realm’s key was not read', { subject: 'realm' });
  }
  if (verifySign1(realm.message, realm.key)) return passed(id, 'realm');
  return failed(id, {
    subject: 'realm',
    expected: encodeHex(realm.claims.publicKey ?? new Uint8Array()),
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: SPEC,
    origin: spec('A7.2.3.1'),
    causedBy: ['cca.token.algorithm'],
  });
}

/** The platform vouches for the realm's key alone: everything that the realm says of itself follows from it. */
function judgeBinding({ platform, realm }: TokenParse): FindingDraft {
  const id = 'cca.realm.binding';
  const { challenge } = platform?.claims ?? {};
  const { publicKey, publicKeyHashAlgorithm: name } = realm?.claims ?? {};
  const hash = name === undefined ? undefined : HASHES.get(name);
  if (challenge === undefined || publicKey === undefined || hash === undefined) {
    return notChecked(id, 'not compared: the token was not read', { subject: 'realm' });
  }
  const digest = Uint8Array.from(createHash(hash).update(publicKey).digest());
  if (constantTimeEqual(digest, challenge)) return passed(id, 'realm', encodeHex(challenge));
  const [actual, expected] = [encodeHex(challenge), encodeHex(digest)];
  return failed(id, {
    subject: 'realm',
    params: { actual, expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'digest' },
    source: `${SPEC}: platform challenge is ${name} of the realm’s public key`,
    origin: spec('A7.2.3.2.1'),
  });
}

function judgeLifecycle({ platform }: TokenParse): FindingDraft {
  const id = 'cca.platform.lifecycle';
  const { lifecycle } = platform?.claims ?? {};
  if (lifecycle === undefined) return notChecked(id, 'not checked: the token was not read', { subject: 'platform' });
  const actual = lifecycleHex(lifecycle);
  if (isSecured(lifecycle)) return passed(id, 'platform', actual);
  return failed(id, {
    subject: 'platform',
    params: { actual, name: lifecycleName(lifecycle) },
    expected: ['0x3000', '0x30ff'],
    actual,
    compare: { relation: 'within', type: 'integer' },
    source: SPEC,
    origin: spec('A7.2.3.2'),
  });
}

function judgeReferences(token: ParsedToken | undefined, rules: CcaRules): FindingDraft[] {
  const { references } = rules;
  if (token === undefined || references === undefined) {
    const why = token === undefined ? 'the token was not read' : 'the owner gives no reference store';
    return [
      notChecked('cca.platform.reference', `not compared: ${why}`, { subject: 'platform' }),
      notChecked('cca.realm.reference', `not compared: ${why}`, { subject: 'realm' }),
    ];
  }
  return [
    judgeReference('cca.platform.reference', 'platform', unknownPlatform(token.platform, references.platform), rules),
    judgeReference('cca.realm.reference', 'realm', unknownRealm(token.realm, references.realm), rules),
  ];
}

function judgeReference(
  id: 'cca.platform.reference' | 'cca.realm.reference',
  subject: string,
  what: string | undefined,
  { referenceMismatch }: CcaRules,
): FindingDraft {
  if (what === undefined) return passed(id, subject);
  const make = referenceMismatch === 'warn' ? warned : failed;
  return make(id, {
    subject,
    params: { what },
    expected: 'a reference value that has all of it',
    actual: what,
    compare: { relation: 'one-of', type: 'digest' },
    source: 'reference store of the owner: cca.reference_values',
    origin: { kind: 'setting', key: 'cca.reference_values' },
  });
}

/** A token under the key of emulated hardware proves nothing, and says so. */
function hardware(anchor: AuthenticToken['anchor']): FindingDraft {
  if (anchor.emulated !== true) return passed('evidence.hardware.backed', 'cca');
  return warned('evidence.hardware.backed', {
    subject: 'cca',
    params: { tee: 'emulated cca' },
    source: `${anchor.name}: key of an emulated TEE, added by name`,
    origin: { kind: 'setting', key: 'cca.emulated_trust_anchors' },
  });
}
