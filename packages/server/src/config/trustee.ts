import { assign, isTable, type RawConfig } from './env.js';
import type { ConfigIssue } from './issues.js';

/**
 * Reads a Trustee KBS configuration (`confidential-containers/trustee`, kbs/docs/config.md) as it stands.
 *
 * Every setting is either translated, or named in an issue with the reason why it has no effect: nothing is dropped in silence.
 */

/** What becomes of one Trustee setting. */
type Rule =
  | { readonly to: string; readonly map?: (value: unknown) => unknown }
  /** Has no effect, and this is why. */
  | { readonly because: string }
  /** Read by another rule, or needs no translation. */
  | { readonly covered: true };

const covered: Rule = { covered: true };
const because = (why: string): Rule => ({ because: why });
const to = (name: string, map?: (value: unknown) => unknown): Rule =>
  map === undefined ? { to: name } : { to: name, map };

const mebibytes = (value: unknown): unknown => (typeof value === 'number' ? value * 1024 * 1024 : value);

const storageReason =
  'values are kept in one SQLite database in the data directory, or in PostgreSQL; import them with `assay secret set`';

/** Rules by dotted name; `*` stands for the rest of the path. */
const rules: Readonly<Record<string, Rule>> = {
  'http_server.sockets': to('http.listen'),
  'http_server.insecure_http': to('http.insecure_http'),
  'http_server.private_key': to('http.private_key'),
  'http_server.certificate': to('http.certificate'),
  'http_server.payload_request_size': to('http.body_limit', mebibytes),
  'http_server.worker_count': because('threads of the upstream HTTP stack; processes are set by `http.workers`'),
  'http_server.tls_profile': covered,
  'http_server.tls_min_version': to('http.tls_min_version'),
  'http_server.tls_max_version': because('the newest version both sides know is always used'),
  'http_server.tls_ciphers': to('http.tls_ciphers'),
  'http_server.tls_groups': because('key exchange groups are those of the Node.js runtime'),
  'admin.authorization_mode': to('admin.authorization_mode'),
  'admin.authentication.bearer_jwt.identity_providers': to('admin.identity_providers'),
  'admin.authorization.regex_acl.acls': to('admin.acls'),
  'attestation_token.trusted_jwk_sets': to('attestation_token.trusted_jwk_sets'),
  'attestation_token.trusted_certs_paths': to('attestation_token.trusted_certs_paths'),
  'attestation_token.extra_teekey_paths': to('attestation_token.extra_teekey_paths'),
  'attestation_token.insecure_header_jwk': to('attestation_token.insecure_header_jwk'),
  'attestation_service.type': to('attestation_service.type', attestationServiceType),
  'attestation_service.timeout': to('session.timeout'),
  'attestation_service.as_addr': to('attestation_service.address'),
  'attestation_service.pool_size': because('one HTTP/2 connection carries all calls'),
  'attestation_service.storage_type': because(storageReason),
  'attestation_service.attestation_token_broker.duration_min': to('attestation_service.duration'),
  'attestation_service.attestation_token_broker.issuer_name': to('attestation_service.issuer'),
  'attestation_service.attestation_token_broker.developer_name': to('attestation_service.developer'),
  'attestation_service.attestation_token_broker.build_name': to('attestation_service.build'),
  'attestation_service.attestation_token_broker.profile_name': to('attestation_service.profile'),
  'attestation_service.attestation_token_broker.verbose_token': to('attestation_service.verbose_token'),
  'attestation_service.attestation_token_broker.signer.key_path': to('attestation_service.signer_key'),
  'attestation_service.attestation_token_broker.signer.cert_path': to('attestation_service.signer_certificate'),
  'attestation_service.attestation_token_broker.signer.cert_url': to('attestation_service.signer_certificate_url'),
  'attestation_service.rvps_config.type': to('rvps.type', (value) => (value === 'GrpcRemote' ? 'grpc' : 'builtin')),
  'attestation_service.rvps_config.address': to('rvps.address', withScheme),
  'attestation_service.rvps_config.storage_type': because(storageReason),
  'attestation_service.rvps_config.extractors.*': because('extractors are built in'),
  'attestation_service.rvps_config.*': because('not known to this release'),
  'attestation_service.verifier_config.nvidia_verifier.type': to('nvidia.verifier', (value) =>
    String(value).toLowerCase(),
  ),
  'attestation_service.verifier_config.nvidia_verifier.verifier_url': to('nvidia.nras'),
  'attestation_service.verifier_config.nvidia_dpu_verifier.root_ca_cert_path': to('nvidiadpu.root_ca'),
  'attestation_service.verifier_config.nvidia_dpu_verifier.max_cert_age_secs': to('nvidiadpu.max_cert_age'),
  'attestation_service.verifier_config.*': because('no verifier of this release reads it'),
  'attestation_service.base_url': because('Intel Trust Authority is not supported'),
  'attestation_service.api_key': because('Intel Trust Authority is not supported'),
  'attestation_service.certs_file': because('Intel Trust Authority is not supported'),
  'attestation_service.policy_ids': because('Intel Trust Authority is not supported'),
  'attestation_service.allow_unmatched_policy': because('Intel Trust Authority is not supported'),
  'storage_backend.storage_type': covered,
  'storage_backend.backends.*': covered,
  session_storage_type: because('sessions are kept with everything else'),
  plugins: covered,
};

/** Whether a parsed file is a Trustee KBS configuration: its two mandatory sections have names that Assay does not use. */
export function isTrusteeConfig(value: RawConfig): boolean {
  return isTable(value['http_server']) || isTable(value['storage_backend']) || isAttestationServiceOfTrustee(value);
}

/** Translates a Trustee configuration. `where` names the place of a setting for a person. */
export function translateTrustee(
  source: RawConfig,
  where: (key: string) => string,
): { readonly raw: RawConfig; readonly issues: readonly ConfigIssue[] } {
  const raw: RawConfig = {};
  const issues: ConfigIssue[] = [];
  for (const [key, value] of leaves(source)) {
    const rule = ruleFor(key);
    if (rule === undefined) {
      issues.push({
        id: 'config.key.honoured',
        where: where(key),
        key,
        why: 'not a setting of the Trustee KBS that this release knows',
      });
    } else if ('because' in rule) issues.push({ id: 'config.key.honoured', where: where(key), key, why: rule.because });
    else if ('to' in rule) assign(raw, rule.to, rule.map === undefined ? value : rule.map(value));
  }
  translateTlsProfile(source, raw);
  translateStorage(source, raw, issues, where);
  translatePlugins(source, raw, issues, where);
  requireSections(source, issues, where);
  if (isTable(raw['attestation_service']) && raw['attestation_service']['type'] === 'intel_ta') {
    issues.push({
      id: 'config.file.form',
      where: where('attestation_service.type'),
      key: 'attestation_service.type',
      actual: '`intel_ta`',
      expected: '`coco_as_builtin` or `coco_as_grpc` are served',
    });
    delete raw['attestation_service']['type'];
  }
  return { raw, issues };
}

function ruleFor(key: string): Rule | undefined {
  const exact = rules[key];
  if (exact !== undefined) return exact;
  for (let parts = key.split('.'); parts.length > 1; ) {
    parts = parts.slice(0, -1);
    const wide = rules[`${parts.join('.')}.*`];
    if (wide !== undefined) return wide;
  }
  return undefined;
}

function* leaves(table: RawConfig, prefix = ''): Generator<readonly [string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    if (isTable(value)) yield* leaves(value, key);
    else yield [key, value];
  }
}

function attestationServiceType(value: unknown): unknown {
  const names: Readonly<Record<string, string>> = {
    coco_as_builtin: 'builtin',
    CoCoASBuiltIn: 'builtin',
    coco_as_grpc: 'grpc',
    CoCoASGrpc: 'grpc',
    intel_ta: 'intel_ta',
    IntelTA: 'intel_ta',
  };
  return typeof value === 'string' ? (names[value] ?? value) : value;
}

function isAttestationServiceOfTrustee(value: RawConfig): boolean {
  const section = value['attestation_service'];
  return (
    isTable(section) &&
    typeof section['type'] === 'string' &&
    /^(coco_as|CoCoAS|intel_ta|IntelTA)/.test(section['type'])
  );
}

function withScheme(value: unknown): unknown {
  return typeof value === 'string' && !value.includes('://') ? `http://${value}` : value;
}

/** A version that is named counts more than the profile's, wherever it stands. */
function translateTlsProfile(source: RawConfig, raw: RawConfig): void {
  const section = source['http_server'];
  if (!isTable(section) || section['tls_profile'] === undefined || section['tls_min_version'] !== undefined) return;
  assign(raw, 'http.tls_min_version', section['tls_profile'] === 'modern' ? '1.3' : '1.2');
}

function translateStorage(
  source: RawConfig,
  raw: RawConfig,
  issues: ConfigIssue[],
  where: (key: string) => string,
): void {
  const section = source['storage_backend'];
  if (!isTable(section)) return;
  const kind = String(section['storage_type'] ?? 'Memory').toLowerCase();
  const backends = isTable(section['backends']) ? section['backends'] : {};
  if (kind === 'postgres') {
    assign(raw, 'storage.backend', 'postgres');
    const url = postgresUrl(backends['postgres']);
    if (url !== undefined) assign(raw, 'storage.postgres_url', url);
  } else if (kind === 'memory') assign(raw, 'storage.backend', 'memory');
  else {
    issues.push({
      id: 'config.key.honoured',
      where: where('storage_backend.storage_type'),
      key: 'storage_backend.storage_type',
      why: `\`${kind}\`: ${storageReason}`,
    });
  }
}

function postgresUrl(section: unknown): string | undefined {
  if (!isTable(section)) return undefined;
  const text = (name: string, fallback: string): string => String(section[name] ?? fallback);
  const password = section['password'] === undefined ? '' : `:${encodeURIComponent(text('password', ''))}`;
  const user = encodeURIComponent(text('username', 'postgres'));
  return `postgres://${user}${password}@${text('host', 'localhost')}:${text('port', '5432')}/${encodeURIComponent(text('db', 'postgres'))}`;
}

/** Spellings that Trustee also accepts for a plug-in's name. */
const pluginNames: Readonly<Record<string, string>> = {
  Sample: 'sample',
  ResourceStorage: 'resource',
  NebulaCaPlugin: 'nebula-ca',
  Pkcs11: 'pkcs11',
  ExternalPlugin: 'external',
  Provisioner: 'provisioner',
};

function translatePlugins(
  source: RawConfig,
  raw: RawConfig,
  issues: ConfigIssue[],
  where: (key: string) => string,
): void {
  const plugins = source['plugins'];
  if (!Array.isArray(plugins)) return;
  const out: RawConfig[] = [];
  for (const plugin of plugins) {
    if (!isTable(plugin)) continue;
    const written = String(plugin['name'] ?? '');
    const name = pluginNames[written] ?? written;
    if (name !== 'resource') {
      out.push({ ...plugin, name });
      continue;
    }
    const backend = String(plugin['storage_backend_type'] ?? 'kvstorage');
    for (const key of Object.keys(plugin)) {
      if (key === 'name' || (key === 'storage_backend_type' && backend.toLowerCase() === 'kvstorage')) continue;
      issues.push({
        id: 'config.key.honoured',
        where: where('plugins'),
        key: `plugins[resource].${key}`,
        why: 'resources are kept encrypted in Assay’s own storage',
      });
    }
  }
  if (out.length > 0) raw['plugins'] = out;
}

function requireSections(source: RawConfig, issues: ConfigIssue[], where: (key: string) => string): void {
  for (const section of ['http_server', 'admin']) {
    if (isTable(source[section])) continue;
    issues.push({
      id: 'config.file.form',
      where: where(section) || 'file',
      key: section,
      actual: 'absent',
      expected: `a Trustee KBS configuration has a section [${section}]`,
    });
  }
  const admin = source['admin'];
  if (isTable(admin) && admin['type'] !== undefined) {
    issues.push({
      id: 'config.file.form',
      where: where('admin.type'),
      key: 'admin.type',
      actual: `\`${String(admin['type'])}\``,
      expected: 'the old `type` member gave way to `authorization_mode`',
    });
  }
}
