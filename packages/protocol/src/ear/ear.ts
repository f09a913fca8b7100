import type { JsonObject, JsonValue } from '@assay/bytes';
import { type Static, Type } from 'typebox';
import { ProtocolError } from '../protocol-error.js';
import { at, shape } from '../shape.js';

/** `eat_profile` of tokens that peers of the Confidential Containers project make and read. */
export const EAR_PROFILE = 'tag:github.com,2024:confidential-containers/Trustee';

/** Tiers of AR4SI (draft-ietf-rats-ar4si), best first after `none`, worst last. */
export const EAR_TIERS = ['none', 'affirming', 'warning', 'contraindicated'] as const;
export type EarTier = (typeof EAR_TIERS)[number];

/** The eight claims of a trustworthiness vector, in the order in which tokens write them. */
export const TRUST_CLAIMS = [
  'instance-identity',
  'configuration',
  'executables',
  'file-system',
  'hardware',
  'runtime-opaque',
  'storage-opaque',
  'sourced-data',
] as const;
export type TrustClaim = (typeof TRUST_CLAIMS)[number];

export function isTrustClaim(name: string): name is TrustClaim {
  return (TRUST_CLAIMS as readonly string[]).includes(name);
}

/** An AR4SI value: an integer from -128 to 127. */
export const TrustValueSchema = Type.Integer({ minimum: -128, maximum: 127 });

export const TrustVectorSchema = Type.Object(
  Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, Type.Optional(TrustValueSchema)])) as Record<
    TrustClaim,
    ReturnType<typeof Type.Optional<typeof TrustValueSchema>>
  >,
  { $id: 'EarTrustVector', additionalProperties: false },
);
export type TrustVector = { readonly [claim in TrustClaim]?: number };

const anyJson = Type.Unsafe<JsonValue>(Type.Unknown());
const anyObject = Type.Unsafe<JsonObject>(Type.Object({}));

/** One appraisal (`submods` entry); policy extensions stand beside the named members. */
export const EarAppraisalSchema = Type.Object(
  {
    'ear.status': Type.Union(EAR_TIERS.map((tier) => Type.Literal(tier))),
    'ear.trustworthiness-vector': Type.Optional(TrustVectorSchema),
    'ear.appraisal-policy-id': Type.Optional(Type.String()),
    'ear.veraison.annotated-evidence': Type.Optional(anyObject),
  },
  { $id: 'EarAppraisal' },
);
/** Members in the order in which they are written; extensions follow by name. */
export interface EarAppraisal {
  readonly 'ear.status': EarTier;
  readonly 'ear.trustworthiness-vector'?: TrustVector;
  readonly 'ear.appraisal-policy-id'?: string;
  readonly 'ear.veraison.annotated-evidence'?: JsonObject;
  readonly [extension: string]: JsonValue | undefined;
}

export const EarVerifierIdSchema = Type.Object(
  { developer: Type.String(), build: Type.String() },
  { $id: 'EarVerifierId' },
);
export type EarVerifierId = Static<typeof EarVerifierIdSchema>;

/** Claims of an EAT attestation result (draft-ietf-rats-ear) as Confidential Containers profiles it. */
export const EarClaimsSchema = Type.Object(
  {
    eat_profile: Type.String(),
    iat: Type.Integer(),
    'ear.verifier-id': EarVerifierIdSchema,
    submods: Type.Record(Type.String({ pattern: '^.+$' }), EarAppraisalSchema, { minProperties: 1 }),
    exp: Type.Integer(),
    iss: Type.Optional(Type.String()),
    'ear.raw-evidence': Type.Optional(anyJson),
  },
  { $id: 'EarClaims' },
);
export interface EarClaims {
  readonly eat_profile: string;
  readonly iat: number;
  readonly 'ear.verifier-id': EarVerifierId;
  readonly submods: { readonly [submod: string]: EarAppraisal };
  readonly exp: number;
  readonly iss?: string;
}

const earShape = shape(EarClaimsSchema, 'token.form.valid', 'EAR');

/** Reads the claims of a verified token as an EAR. @throws ProtocolError `token.form.valid` */
export function parseEarClaims(claims: JsonObject): EarClaims {
  return earShape(claims) as unknown as EarClaims;
}

/** The tier that one AR4SI value falls into (draft-ietf-rats-ar4si section 2.3.2, values as signed octets). */
export function trustTier(value: number): EarTier {
  if (value >= -1 && value <= 1) return 'none';
  if (value >= -32 && value <= 31) return 'affirming';
  if (value >= -96 && value <= 95) return 'warning';
  return 'contraindicated';
}

/** `ear.status` of a vector: the worst tier of its claims. */
export function trustStatus(vector: TrustVector): EarTier {
  const worst = Math.max(0, ...Object.values(vector).map((value) => EAR_TIERS.indexOf(trustTier(value))));
  return EAR_TIERS[worst] ?? 'contraindicated';
}

/** Where tokens of known makers carry the guest's key, as JSON pointers, in the order in which they are tried. */
export const TEE_PUBKEY_POINTERS = [
  '/tdx/attester_runtime_data/tee-pubkey',
  '/tdx/attester_user_data/tee-pubkey',
  '/customized_claims/runtime_data/tee-pubkey',
  '/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/tee-pubkey',
  '/tee-pubkey',
] as const;

/** Where the init-data claims stand that are handed to plug-ins. */
export const INIT_DATA_CLAIMS_POINTER = '/submods/cpu0/ear.veraison.annotated-evidence/init_data_claims';

/**
 * The guest's key in a verified token, still as JSON: give it to `parseTeePubkey`.
 *
 * @param extraPointers the owner's own pointers, tried first
 * @throws ProtocolError `token.key.present`
 */
export function teePubkeyOfToken(claims: JsonObject, extraPointers: readonly string[] = []): JsonValue {
  const pointers = [...extraPointers, ...TEE_PUBKEY_POINTERS];
  for (const pointer of pointers) {
    const found = at(claims, pointer);
    if (found !== undefined) return found;
  }
  throw new ProtocolError('token.key.present', `token has no tee-pubkey at ${pointers.join(', ')}`, {
    expected: pointers.join(', '),
  });
}
