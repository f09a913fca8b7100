import type { JsonValue } from '@assay/bytes';
import { shape } from '../shape.js';
import {
  type ReferenceValueMessage,
  ReferenceValueMessageSchema,
  SetAttestationPolicySchema,
  SetResourcePolicySchema,
  type TokenResponseMessage,
  TokenResponseSchema,
} from './schemas.js';

/** Reads the answer of `attest`. @throws ProtocolError `response.body.form` */
export const parseTokenResponse: (body: JsonValue) => TokenResponseMessage = shape(
  TokenResponseSchema,
  'response.body.form',
  'token response',
);

/** Reads the body of `POST attestation-policy`; `policy` is still encoded. @throws ProtocolError `request.body.form` */
export const parseSetAttestationPolicy: (body: JsonValue) => { readonly policy_id: string; readonly policy: string } =
  shape(SetAttestationPolicySchema, 'request.body.form', 'attestation policy');

/** Reads the body of `POST resource-policy`; `policy` is still encoded. @throws ProtocolError `request.body.form` */
export const parseSetResourcePolicy: (body: JsonValue) => { readonly policy: string } = shape(
  SetResourcePolicySchema,
  'request.body.form',
  'resource policy',
);

/** Reads an RVPS message. @throws ProtocolError `request.body.form` */
export const parseReferenceValueMessage: (body: JsonValue) => ReferenceValueMessage = shape(
  ReferenceValueMessageSchema,
  'request.body.form',
  'reference value message',
);
