import type { JsonObject, JsonValue } from '@assay/bytes';
import { type Static, Type } from 'typebox';

/** Members that may be added by any peer are ignored, as every known peer does. */
const anyJson = Type.Unsafe<JsonValue>(Type.Unknown());

export const RequestSchema = Type.Object(
  {
    version: Type.String({ minLength: 1, maxLength: 64 }),
    tee: Type.String({ minLength: 1, maxLength: 64 }),
    'extra-params': anyJson,
  },
  { $id: 'KbsRequest', description: 'POST /kbs/v0/auth: the guest opens the handshake' },
);
export type RequestMessage = Static<typeof RequestSchema>;

export const ChallengeSchema = Type.Object(
  {
    nonce: Type.String({ minLength: 1, description: 'padded standard base64 of 32 random bytes; for se a JSON text' }),
    'extra-params': anyJson,
  },
  { $id: 'KbsChallenge', description: 'answer of auth' },
);
export type ChallengeMessage = Static<typeof ChallengeSchema>;

export const TeePubkeySchema = Type.Object(
  { alg: Type.String({ minLength: 1, maxLength: 64 }), kty: Type.Optional(Type.String({ maxLength: 16 })) },
  { $id: 'KbsTeePubkey', description: 'JWK-like public key of the TEE: RSA, EC or AKP' },
);

const teePubkey = Type.Unsafe<JsonObject>(TeePubkeySchema);

export const CompositeEvidenceSchema = Type.Object(
  {
    primary_evidence: anyJson,
    additional_evidence: Type.String({ description: 'empty, or the text of a JSON object TEE name → evidence' }),
  },
  { $id: 'KbsCompositeEvidence' },
);

export const InitDataMessageSchema = Type.Object(
  { format: Type.String(), body: Type.String() },
  { $id: 'KbsInitData', description: 'init-data as given to the launch, in plain text' },
);

/** Attestation of 0.1.0 to 0.3.0; the type of `tee-evidence` depends on the version. */
export const FlatAttestationSchema = Type.Object(
  { 'tee-pubkey': teePubkey, 'tee-evidence': anyJson },
  { $id: 'KbsFlatAttestation', description: 'POST /kbs/v0/attest in protocol versions 0.1.0 to 0.3.0' },
);
export type FlatAttestationMessage = Static<typeof FlatAttestationSchema>;

/** Attestation of 0.4.0. */
export const AttestationSchema = Type.Object(
  {
    'init-data': Type.Optional(Type.Union([Type.Null(), InitDataMessageSchema])),
    'runtime-data': Type.Object({ nonce: Type.String(), 'tee-pubkey': teePubkey }),
    'tee-evidence': CompositeEvidenceSchema,
  },
  { $id: 'KbsAttestation', description: 'POST /kbs/v0/attest in protocol version 0.4.0' },
);
export type AttestationMessage = Static<typeof AttestationSchema>;

export const TokenResponseSchema = Type.Object(
  { token: Type.String({ minLength: 1, description: 'compact JWS' }) },
  { $id: 'KbsTokenResponse', description: 'answer of attest' },
);
export type TokenResponseMessage = Static<typeof TokenResponseSchema>;

/** Flattened JWE (RFC 7516 section 7.2.2) with the five members that every client requires, and no `aad`. */
export const ResponseSchema = Type.Object(
  {
    protected: Type.String(),
    encrypted_key: Type.String(),
    iv: Type.String(),
    ciphertext: Type.String(),
    tag: Type.String(),
  },
  { $id: 'KbsResponse', description: 'answer of a resource request: the secret, encrypted to the tee-pubkey' },
);
/** The encrypted answer. Members in the order in which they are sent. */
export type FlattenedJwe = Static<typeof ResponseSchema>;

export const ErrorBodySchema = Type.Object(
  {
    type: Type.String({ description: 'https://github.com/confidential-containers/kbs/errors/<Kind>' }),
    detail: Type.String(),
    code: Type.Optional(Type.String({ description: 'id of the error register' })),
    attempt: Type.Optional(Type.String({ description: 'id under which the owner finds the explanation' })),
  },
  { $id: 'KbsError', description: 'every error of /kbs' },
);
export type ErrorBody = Static<typeof ErrorBodySchema>;

export const SetAttestationPolicySchema = Type.Object(
  {
    policy_id: Type.String({ minLength: 1, maxLength: 128 }),
    policy: Type.String({ description: 'base64url without padding of the Rego text' }),
  },
  { $id: 'KbsSetAttestationPolicy', description: 'POST /kbs/v0/attestation-policy' },
);

export const SetResourcePolicySchema = Type.Object(
  { policy: Type.String({ description: 'base64url without padding of the Rego text' }) },
  { $id: 'KbsSetResourcePolicy', description: 'POST /kbs/v0/resource-policy' },
);

export const ReferenceValueMessageSchema = Type.Object(
  {
    version: Type.Optional(Type.String({ description: 'default 0.1.0' })),
    type: Type.String({ description: 'extractor: sample, swid, corim' }),
    payload: Type.String(),
  },
  { $id: 'RvpsMessage', description: 'POST /kbs/v0/reference-value and RegisterReferenceValue' },
);
export type ReferenceValueMessage = Static<typeof ReferenceValueMessageSchema>;
