/**
 * Refusals as `/kbs` speaks them: upstream's `{type, detail}` with status 401 or 404 as clients of every release expect, beside
 * it the guest code and the attempt id. What a guest may read is decided here and nowhere else.
 */
import { AssayError, asAssayError } from '@assay/bytes/findings';
import type { AttemptId, KbsErrorAnswer } from './types.js';

/** Upstream's error kinds (the variant names of its error type). */
type KbsErrorKind =
  | 'AdminAuthAccess'
  | 'AttestationError'
  | 'InvalidRequestPath'
  | 'PluginNotFound'
  | 'PluginInternalError'
  | 'PolicyDeny'
  | 'ParsePolicyError'
  | 'PolicyEngineError'
  | 'RvpsError'
  | 'SerdeError'
  | 'TokenNotFound'
  | 'TokenVerifierError'
  | 'JweError';

/** Which call was refused. `admin` calls have an authenticated caller, who may read what is wrong. */
export type KbsOperation =
  | 'auth'
  | 'attest'
  | 'plugin'
  | 'admin-access'
  | 'plugin-admin'
  | 'resource-policy'
  | 'attestation-policy'
  | 'reference-value';

export interface RefusalContext {
  readonly operation: KbsOperation;
  readonly attempt?: AttemptId | undefined;
  /** The endpoint of an admin call, as upstream's text names it. */
  readonly endpoint?: string;
}

const TYPE_PREFIX = 'https://github.com/confidential-containers/kbs/errors/';

/** An error that knows which call it refused, so that it can be answered as upstream answers that call. */
export class KbsRefusal extends AssayError {
  readonly operation: KbsOperation;
  readonly attempt: AttemptId | undefined;
  readonly endpoint: string | undefined;

  constructor(error: AssayError, context: RefusalContext) {
    super(error.finding, {
      cause: error.cause ?? error,
      details: error.details,
      findings: error.findings,
      guestCode: error.guestCode,
    });
    this.operation = context.operation;
    this.attempt = context.attempt;
    this.endpoint = context.endpoint;
  }
}

/** Gives any thrown value the context of a call. A refusal that has one already keeps it. */
export function refusal(thrown: unknown, context: RefusalContext): KbsRefusal {
  if (thrown instanceof KbsRefusal) return thrown;
  return new KbsRefusal(asAssayError(thrown), context);
}

/**
 * The answer to a refused call. Never throws; what is not an `AssayError` is a defect and answered as `internal`.
 *
 * @param context the attempt, where the error does not carry one
 */
export function toKbsError(error: unknown, context: { readonly attempt?: string } = {}): KbsErrorAnswer {
  const known = asAssayError(error);
  const operation = known instanceof KbsRefusal ? known.operation : undefined;
  const attempt = (known instanceof KbsRefusal ? known.attempt : undefined) ?? context.attempt;
  const admin = operation !== undefined && isAdmin(operation);
  const { kind, detail } = words(known, operation);
  const status = statusOf(known, admin);
  const retryAfter = status === 429 || status === 503 ? known.retryAfter : undefined;
  return {
    status,
    body: {
      type: TYPE_PREFIX + kind,
      detail,
      code: admin ? known.code : known.guestCode,
      ...(attempt === undefined ? {} : { attempt }),
    },
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function isAdmin(operation: KbsOperation): boolean {
  return operation !== 'auth' && operation !== 'attest' && operation !== 'plugin';
}

function statusOf(error: AssayError, admin: boolean): KbsErrorAnswer['status'] {
  if (error.code === 'request.path.known') return 404;
  // An administrator is no guest: the register's rows that never reach a guest still have to be answered.
  const status = admin ? error.httpStatus : error.guestStatus;
  switch (status) {
    case 404:
    case 405:
    case 413:
    case 429:
    case 500:
    case 503:
      return status;
    default:
      // Upstream's only other status; clients re-attest on it.
      return 401;
  }
}

function words(error: AssayError, operation: KbsOperation | undefined): { kind: KbsErrorKind; detail: string } {
  const guest = error.guestDetail;
  const tail = guest === undefined ? '' : `: ${guest}`;
  switch (operation) {
    case 'auth': {
      const mismatch = error.code === 'request.version.served' ? ': KBS Client Protocol Version Mismatch' : '';
      return { kind: 'AttestationError', detail: `Attestation error: RCAR handshake Auth failed${mismatch}${tail}` };
    }
    case 'attest':
      return { kind: 'AttestationError', detail: `Attestation error: RCAR handshake Attest failed${tail}` };
    case 'admin-access':
      return {
        kind: 'AdminAuthAccess',
        detail: `admin access denied for endpoint ${(error as KbsRefusal).endpoint ?? '?'}: ${adminWords(error)}`,
      };
    case 'resource-policy':
      return error.code === 'policy.file.parse'
        ? { kind: 'PolicyEngineError', detail: `Policy engine error: ${error.title}` }
        : { kind: 'ParsePolicyError', detail: `Failed to parse policy: ${error.title}` };
    case 'attestation-policy':
      return { kind: 'AttestationError', detail: `Attestation error: Set Attestation Policy failed: ${error.title}` };
    case 'reference-value':
      return { kind: 'RvpsError', detail: `RVPS configuration failed: ${error.title}` };
    case 'plugin-admin':
      return { kind: 'PluginInternalError', detail: `Plugin internal error: ${error.title}` };
    default:
      return pluginWords(error, tail);
  }
}

/** A token route of a plug-in: the kind follows from what refused it. */
function pluginWords(error: AssayError, tail: string): { kind: KbsErrorKind; detail: string } {
  const { code } = error;
  if (code === 'request.path.known') {
    const plugin = error.finding.subject ?? '';
    return { kind: 'PluginNotFound', detail: plugin === '' ? 'Plugin not found' : `Plugin ${plugin} not found` };
  }
  if (code === 'token.header.present') return { kind: 'TokenNotFound', detail: 'Attestation Token not found' };
  if (code.startsWith('token.') || code.startsWith('session.'))
    return { kind: 'TokenVerifierError', detail: 'Token Verifier error' };
  if (code === 'resource.policy.allows') return { kind: 'PolicyDeny', detail: 'Access denied by policy' };
  if (code.startsWith('policy.')) return { kind: 'PolicyEngineError', detail: 'Policy engine error' };
  if (code === 'request.key.supported') return { kind: 'JweError', detail: `JWE failed${tail}` };
  if (code.startsWith('request.body.')) return { kind: 'SerdeError', detail: `Serialize/Deserialize failed${tail}` };
  return { kind: 'PluginInternalError', detail: `Plugin internal error${tail}` };
}

/** Upstream's words for a failed admin check, which its clients and tests look for. */
function adminWords(error: AssayError): string {
  switch (error.code) {
    case 'admin.credential.present':
      return 'Failed to parse HTTP Auth Bearer header';
    case 'admin.mode.open':
      return 'Admin access denied: Admin access denied as DenyAll authorization_mode is enabled';
    case 'admin.role.allowed':
      return `Admin access denied: Role ${String(error.details['role'])} not allowed for path ${String(error.details['uri'])}`;
    case 'admin.token.trust':
      return error.details['missing'] === 'role'
        ? 'Admin access denied: Failed to parse claims from token: Missing required `role` claim in JWT'
        : 'Admin access denied: Cannot verify token with any of the issuers';
    case 'admin.token.time':
      return `Admin access denied: Cannot verify token with any of the issuers: ${error.title}`;
    default:
      return `Admin access denied: ${error.title}`;
  }
}
