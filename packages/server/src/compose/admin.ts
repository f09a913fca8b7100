import type { AdminConfig, AdminCredentials, IdentityProvider } from '@assay/kbs';
import { createAdminCredentials } from '@assay/kbs';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import type { World } from './state.js';

/** What a first start leaves for its owner. */
export interface FirstStart {
  /** Admin token; secret. Written by the caller to a file of the owner, and kept nowhere else. */
  readonly token: string;
  /** Takes the key pair back where the token cannot reach its owner: the next start is then the first one. */
  readonly withdraw: () => Promise<void>;
}

const record = { ns: 'admin', key: 'bootstrap' } as const;

type Authenticated = Extract<AdminConfig, { authorization_mode: 'AuthenticatedAuthorization' }>;

/**
 * Who may administer: the providers and rules of the settings, and the key pair of the first start.
 *
 * The key pair is made once for a database, unless the settings name identity providers of their own; the database keeps
 * only its public half.
 */
export async function adminConfig(
  settings: Settings,
  storage: Storage,
  world: World,
): Promise<{ readonly config: AdminConfig; readonly first?: FirstStart }> {
  const { authorization_mode: mode, identity_providers: providers, acls, bootstrap } = settings.admin;
  if (mode !== 'AuthenticatedAuthorization') return { config: { authorization_mode: mode } };
  if (providers.length > 0 || !bootstrap) return { config: authenticated(providers.map(withoutUndefined), acls) };
  const { own, first } = await ownCredentials(storage, world);
  const config = authenticated(own.authentication.bearer_jwt.identity_providers, [
    ...own.authorization.regex_acl.acls,
    ...acls,
  ]);
  return first === undefined ? { config } : { config, first };
}

async function ownCredentials(
  storage: Storage,
  world: World,
): Promise<{ readonly own: Authenticated; readonly first?: FirstStart }> {
  const entry = await storage.get(record.ns, record.key);
  if (entry !== undefined) return { own: JSON.parse(Buffer.from(entry.value).toString('utf8')) as Authenticated };
  const made: AdminCredentials = createAdminCredentials({ now: world.now() });
  const put = await storage.put(record.ns, record.key, Buffer.from(JSON.stringify(made.config)), { ifAbsent: true });
  // Another process of the same first start was faster; its token is the one that counts.
  if (put.outcome === 'conflict') return ownCredentials(storage, world);
  const { version } = put;
  const withdraw = async (): Promise<void> => {
    await storage.transact([{ op: 'delete', ...record, ifVersion: version }]);
  };
  return { own: made.config, first: { token: made.token, withdraw } };
}

function authenticated(
  identity_providers: readonly IdentityProvider[],
  acls: Settings['admin']['acls'],
): Authenticated {
  return {
    authorization_mode: 'AuthenticatedAuthorization',
    authentication: { bearer_jwt: { identity_providers } },
    authorization: { regex_acl: { acls } },
  };
}

/** Absent members stay absent: the settings' type has them as optional, the contract as missing. */
function withoutUndefined(provider: Settings['admin']['identity_providers'][number]): IdentityProvider {
  return Object.fromEntries(Object.entries(provider).filter(([, value]) => value !== undefined));
}
