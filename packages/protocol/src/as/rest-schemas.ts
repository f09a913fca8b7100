import type { JsonObject, JsonValue } from '@assay/bytes';
import { type Static, Type } from 'typebox';
import { shape } from '../shape.js';

const structured = Type.Unsafe<JsonObject>(Type.Object({}));

export const RestRuntimeDataSchema = Type.Union([
  Type.Object(
    { raw: Type.String({ description: 'base64url of the exact bytes expected as report data' }) },
    { additionalProperties: false },
  ),
  Type.Object({ structured }, { additionalProperties: false }),
]);

export const RestInitDataSchema = Type.Union([
  Type.Object(
    { init_data_digest: Type.String({ description: 'base64url of the digest' }) },
    { additionalProperties: false },
  ),
  Type.Object({ init_data_toml: Type.String() }, { additionalProperties: false }),
]);

export const RestVerificationRequestSchema = Type.Object(
  {
    tee: Type.String(),
    evidence: Type.String({ description: 'base64url of the evidence JSON text' }),
    runtime_data: Type.Optional(Type.Union([Type.Null(), RestRuntimeDataSchema])),
    init_data: Type.Optional(Type.Union([Type.Null(), RestInitDataSchema])),
    runtime_data_hash_algorithm: Type.Optional(Type.Union([Type.Null(), Type.String()])),
  },
  { $id: 'AsVerificationRequest' },
);
export type RestVerificationRequest = Static<typeof RestVerificationRequestSchema>;

/** `POST /attestation` of the attestation service's REST face. */
export const RestAttestationRequestSchema = Type.Object(
  {
    verification_requests: Type.Array(RestVerificationRequestSchema, { minItems: 1, maxItems: 32 }),
    policy_ids: Type.Array(Type.String(), { maxItems: 32 }),
  },
  { $id: 'AsAttestationRequest' },
);
export type RestAttestationRequest = Static<typeof RestAttestationRequestSchema>;

/** `POST /policy`. */
export const RestSetPolicySchema = Type.Object(
  {
    policy_id: Type.String({ minLength: 1, maxLength: 128 }),
    policy: Type.String({ description: 'base64url of the Rego text' }),
  },
  { $id: 'AsSetPolicy' },
);
export type RestSetPolicy = Static<typeof RestSetPolicySchema>;

/** `POST /challenge`: further members are handed to the verifier. */
export const RestChallengeRequestSchema = Type.Object(
  { tee: Type.String(), tee_params: Type.String() },
  { $id: 'AsChallengeRequest', additionalProperties: Type.String() },
);
export type RestChallengeRequest = Static<typeof RestChallengeRequestSchema>;

/** @throws ProtocolError `request.body.form` */
export const parseRestAttestationRequest: (body: JsonValue) => RestAttestationRequest = shape(
  RestAttestationRequestSchema,
  'request.body.form',
  'attestation request',
);

/** @throws ProtocolError `request.body.form` */
export const parseRestSetPolicy: (body: JsonValue) => RestSetPolicy = shape(
  RestSetPolicySchema,
  'request.body.form',
  'policy',
);

/** @throws ProtocolError `request.body.form` */
export const parseRestChallengeRequest: (body: JsonValue) => RestChallengeRequest = shape(
  RestChallengeRequestSchema,
  'request.body.form',
  'challenge request',
);
