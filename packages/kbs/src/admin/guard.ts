/** Who may call administrative operations: nobody, everybody (asked for by name), or bearers of tokens with a role that may. */
import { type AssayError, assayError, type FindingDraft, listInLine, warned } from '@assay/bytes/findings';
import { refusal } from '../errors.js';
import type { AdminCall, AdminGuard, AdminPrincipal, KbsSources } from '../types.js';
import { EndpointAcl } from './acl.js';
import { bearerToken } from './bearer.js';
import type { AdminConfig } from './config.js';
import { IdentityProviders } from './providers.js';

export interface AdminGuardOptions {
  readonly config: AdminConfig;
  readonly sources: KbsSources | undefined;
  readonly now: () => Date;
  readonly warn: (finding: FindingDraft) => void;
  /** Told of every call that is refused, before its answer goes out. */
  readonly refused?: (call: AdminCall, error: AssayError) => Promise<void>;
}

/** @throws AssayError `config.file.form` for settings that could not be meant */
export async function openAdminGuard(options: AdminGuardOptions): Promise<AdminGuard> {
  const { config, sources, now, warn, refused } = options;
  switch (config.authorization_mode) {
    case 'DenyAll':
      return guard('DenyAll', refused, () => {
        throw closed();
      });
    case 'InsecureAllowAll':
      warn(
        warned('admin.mode.open', {
          params: { mode: 'InsecureAllowAll', effect: 'anybody who reaches this service administers it' },
          severity: 'critical',
        }),
      );
      return guard('InsecureAllowAll', refused, (call) => principal('anybody', 'InsecureAllowAll', undefined, call));
    case 'AuthenticatedAuthorization': {
      const providers = await IdentityProviders.open(
        config.authentication.bearer_jwt.identity_providers,
        sources,
        now,
        warn,
      );
      const acl = new EndpointAcl(config.authorization.regex_acl.acls);
      return guard('AuthenticatedAuthorization', refused, (call) => authenticated(call, providers, acl));
    }
    default:
      throw assayError('config.file.form', {
        params: {
          file: '[admin]',
          line: 'authorization_mode',
          key: 'authorization_mode',
          actual: String((config as { authorization_mode?: unknown }).authorization_mode),
          expected: 'DenyAll, AuthenticatedAuthorization or InsecureAllowAll',
        },
      });
  }
}

function guard(
  mode: AdminGuard['mode'],
  refused: AdminGuardOptions['refused'],
  decide: (call: AdminCall) => AdminPrincipal | Promise<AdminPrincipal>,
): AdminGuard {
  return {
    mode,
    authorize: async (call) => {
      try {
        return await decide(call);
      } catch (thrown) {
        const error = refusal(thrown, { operation: 'admin-access', endpoint: pathOf(call.uri) });
        await refused?.(call, error);
        throw error;
      }
    },
  };
}

async function authenticated(call: AdminCall, providers: IdentityProviders, acl: EndpointAcl): Promise<AdminPrincipal> {
  const token = bearerToken(call.authorization);
  const path = pathOf(call.uri);
  if (token === undefined) throw assayError('admin.credential.present', { params: { method: call.method, path } });
  const claims = await providers.verify(token);
  const uris = call.meant === undefined ? [call.uri] : [call.uri, call.meant];
  if (!uris.every((uri) => acl.allows(claims.role, uri))) {
    throw assayError('admin.role.allowed', {
      params: { role: claims.role, method: call.method, path, list: listInLine(acl.allowedTo(claims.role), 3) },
      details: { role: claims.role, uri: path },
    });
  }
  return principal(claims.subject, claims.role, claims.issuer, call);
}

function principal(subject: string, role: string, issuer: string | undefined, call: AdminCall): AdminPrincipal {
  const address = call.caller?.address;
  return {
    subject,
    role,
    ...(issuer === undefined ? {} : { issuer }),
    ...(address === undefined ? {} : { address }),
  } as AdminPrincipal;
}

function closed(): AssayError {
  return assayError('admin.mode.open', {
    params: { mode: 'DenyAll', effect: 'every administrative request is refused' },
  });
}

function pathOf(uri: string): string {
  return uri.split('?')[0] ?? uri;
}
