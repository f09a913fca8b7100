import type { JsonValue } from '@assay/bytes';
import { shape } from '../shape.js';
import { type ErrorBody, ErrorBodySchema } from './schemas.js';

/** Kinds of error that peers of the KBS protocol know; they end the `type` URL. */
export const KBS_ERROR_KINDS = [
  'AdminAuthAccess',
  'AdminAuthInitialization',
  'AttestationError',
  'InvalidRequestPath',
  'JweError',
  'ParsePolicyError',
  'PluginInternalError',
  'PluginNotFound',
  'PolicyDeny',
  'PolicyEngineError',
  'ReadSecretFailed',
  'RvpsError',
  'SerdeError',
  'TokenNotFound',
  'TokenVerifierError',
] as const;

export type KbsErrorKind = (typeof KBS_ERROR_KINDS)[number];

const TYPE_PREFIX = 'https://github.com/confidential-containers/kbs/errors/';

/** The error body of `/kbs`: `type` and `detail` as every client parses them, then what lets the owner find the explanation. */
export function kbsErrorBody(
  kind: KbsErrorKind,
  detail: string,
  more: { readonly code?: string; readonly attempt?: string } = {},
): ErrorBody {
  return { type: `${TYPE_PREFIX}${kind}`, detail, ...more };
}

/** Reads an error body as a client does. @throws ProtocolError `response.body.form` */
export const parseErrorBody: (body: JsonValue) => ErrorBody = shape(ErrorBodySchema, 'response.body.form', 'error');
