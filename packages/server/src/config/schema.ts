import Type, { type Static } from 'typebox';
import { Count, Flag, OptionalText, section, Text, Texts } from './field.js';
import { AzureSettings } from './tee/azure.js';
import { CcaSettings } from './tee/cca.js';
import { CsvSettings } from './tee/csv.js';
import { DevelopmentSettings } from './tee/development.js';
import { NitroSettings } from './tee/nitro.js';
import { NvidiaDpuSettings, NvidiaSettings } from './tee/nvidia.js';
import { SeSettings } from './tee/se.js';
import { SevSettings } from './tee/sev.js';
import { SgxSettings } from './tee/sgx.js';
import { SnpSettings } from './tee/snp.js';
import { TdxSettings } from './tee/tdx.js';
import { TpmSettings } from './tee/tpm.js';

/**
 * Every setting of an Assay server: type, default, and the sentence that help and the reference page print.
 *
 * One schema is the source of validation, defaults, `ASSAY_*` environment variables, `assay serve --help` and
 * `docs/reference/configuration.md`. Names are snake_case as in the TOML file.
 */

export const HttpSettings = section('Listening addresses, TLS and limits of the HTTP face.', {
  listen: Type.Array(Type.String({ minLength: 1 }), {
    description: 'Addresses to listen on, `HOST:PORT`; port 0 takes a free one.',
    default: ['127.0.0.1:8080'],
  }),
  insecure_http: Flag('Serve plain HTTP. Tokens and cookies then cross the network readable; for tests only.', false),
  certificate: OptionalText(
    'PEM file with the server certificate chain, leaf first. Without it Assay makes a self-signed one at first start.',
  ),
  private_key: OptionalText('PEM file with the private key of `http.certificate`.'),
  tls_min_version: Type.Enum(['1.2', '1.3'], {
    description: 'Oldest TLS version served. TLS 1.3 is always preferred.',
    default: '1.2',
  }),
  tls_ciphers: OptionalText('OpenSSL cipher list for TLS 1.2 and names of TLS 1.3 suites.'),
  body_limit: Count('Largest request body, in bytes.', 2 * 1024 * 1024, 1024, 256 * 1024 * 1024),
  header_limit: Count(
    'Largest request head, in bytes. Tokens with GPU evidence need more than 128 KiB.',
    512 * 1024,
    256 * 1024,
    8 * 1024 * 1024,
  ),
  request_timeout: Count('Seconds in which a request must have arrived whole.', 30, 1, 3600),
  drain_timeout: Count('Seconds that requests under way have to finish after SIGTERM.', 10, 0, 600),
  rate_limit: Count(
    'Requests per minute and client address on unauthenticated routes; 0 switches it off.',
    6000,
    0,
    1e9,
  ),
  workers: Count('Processes that serve; more than one needs a storage back end they can share.', 1, 1, 64),
});

export const StorageSettings = section('Where state is kept.', {
  backend: Type.Enum(['sqlite', 'postgres', 'memory'], {
    description:
      '`sqlite`: one file in the data directory. `postgres`: shared by stateless replicas. `memory`: lost at exit.',
    default: 'sqlite',
  }),
  postgres_url: OptionalText(
    'Connection URL of PostgreSQL. Give it as ASSAY_STORAGE_POSTGRES_URL, so that no password stands in a file.',
    { secret: true },
  ),
  pool: Count('Connections to PostgreSQL per process.', 10, 1, 200),
});

const IdentityProvider = Type.Object(
  {
    issuer: OptionalText('Wanted `iss` claim.'),
    audience: OptionalText('Wanted member of the `aud` claim.'),
    public_key_uri: OptionalText('PEM public key: path, `file://` or `https://`.'),
    jwk_set_uri: OptionalText('JWK set: path, `file://` or `https://` (a set, or an OpenID issuer).'),
  },
  { additionalProperties: false },
);

const Acl = Type.Object(
  {
    role: Text('Value of the `role` claim.'),
    allowed_endpoints: Text('Anchored regular expression over the request URI, `^/…$`.'),
  },
  { additionalProperties: false },
);

export const AdminSettings = section('Who may administer.', {
  authorization_mode: Type.Enum(['AuthenticatedAuthorization', 'DenyAll', 'InsecureAllowAll'], {
    description:
      '`AuthenticatedAuthorization`: bearer JWT of a known issuer, and a role that may. `DenyAll`: nobody. `InsecureAllowAll`: everybody; for tests only.',
    default: 'AuthenticatedAuthorization',
  }),
  identity_providers: Type.Array(IdentityProvider, {
    description:
      'Issuers of admin tokens, tried in order. Where any is given, the key pair made at first start counts no more.',
    default: [],
  }),
  acls: Type.Array(Acl, { description: 'Which role may call which endpoints.', default: [] }),
  bootstrap: Flag('Make an admin key pair at first start, unless `identity_providers` are given.', true),
});

export const SessionSettings = section('The RCAR handshake.', {
  timeout: Count('Minutes from `auth` to the end of the session; never extended.', 5, 1, 24 * 60),
});

export const AttestationServiceSettings = section('The Attestation Service: built in, or another one over gRPC.', {
  type: Type.Enum(['builtin', 'grpc'], {
    description: '`builtin`, or `grpc` for a remote `attestation.AttestationService`.',
    default: 'builtin',
  }),
  address: Text('Address of the remote service.', { default: 'http://127.0.0.1:50004' }),
  duration: Count('Minutes that a token is valid.', 5, 1, 24 * 60),
  issuer: Text('`iss` of tokens.', { default: 'CoCo-Attestation-Service' }),
  developer: Text('Developer in `ear.verifier-id`.', { default: 'https://confidentialcontainers.org' }),
  build: Text('Build in `ear.verifier-id`.', { default: 'assay attestation-service 0.1.0' }),
  profile: Text('`eat_profile` of tokens.', { default: 'tag:github.com,2024:confidential-containers/Trustee' }),
  signer_key: OptionalText(
    'PEM file with a P-256 private key that signs tokens. Without it one is made and kept sealed.',
  ),
  signer_certificate: OptionalText('PEM file with the chain of `signer_key`, leaf first; published as `x5c`.'),
  signer_certificate_url: OptionalText('URL of that chain; published as `x5u`.'),
  verbose_token: Flag('Keep `additional-evidence` in the token.', true),
});

export const RvpsSettings = section('The Reference Value Provider Service: built in, or another one over gRPC.', {
  type: Type.Enum(['builtin', 'grpc'], {
    description: '`builtin`, or `grpc` for a remote `reference.ReferenceValueProviderService`.',
    default: 'builtin',
  }),
  address: Text('Address of the remote service.', { default: 'http://127.0.0.1:50003' }),
});

export const AttestationTokenSettings = section('Which attestation tokens open resources.', {
  trusted_jwk_sets: Texts('JWK sets of further token issuers: path, `file://` or `https://`.'),
  trusted_certs_paths: Texts('PEM files of CAs whose certificates may sign tokens (`x5c`).'),
  extra_teekey_paths: Texts('Further JSON pointers to the TEE public key inside a token.'),
  insecure_header_jwk: Flag(
    'Believe the key in a token’s own header. Anybody can then make tokens; for tests only.',
    false,
  ),
});

export const GrpcSettings = section('The CoCo gRPC interfaces.', {
  listen: OptionalText(
    'Address on which `AttestationService` and `ReferenceValueProviderService` are served. `assay serve attestation-service` and `assay serve rvps` have defaults of their own.',
    { examples: ['127.0.0.1:50004'] },
  ),
  token: OptionalText(
    'Bearer token of at least 16 characters: callers that show it may set policies and register values, and alone read verdicts in full; it is shown to the remote services of this one. Give it as ASSAY_GRPC_TOKEN.',
    { secret: true, minLength: 16 },
  ),
  insecure_registration: Flag(
    'Let unauthenticated gRPC callers register reference values and policies. The network must then be closed.',
    false,
  ),
});

export const CollateralSettings = section(
  'Where hardware vendors’ statements come from: TCB info, certificates, CRLs.',
  {
    pccs: Texts('Caching services (PCCS) to ask before Intel, in order: `https://host:8081`.'),
    intel_pcs: Text('Intel’s Provisioning Certification Service, or `off`.', {
      default: 'https://api.trustedservices.intel.com',
    }),
    amd_kds: Text('AMD’s Key Distribution Service, or `off`.', { default: 'https://kdsintf.amd.com' }),
    pcs_api: Count(
      'Version of the API of those Intel services. 3 is that of older caches: SGX alone, no evaluation numbers.',
      4,
      3,
      4,
    ),
    amd_folder: OptionalText(
      'Folder of leaf certificates, asked before AMD: `vcek/HWID/vcek.der`, `vlek/PRODUCT/vlek.der` (or `.pem`). AMD gives VLEKs to cloud providers alone; theirs belong here, unless the hosts hand them to the guests.',
    ),
    proxy: OptionalText(
      'Proxy on the way to those services, `http://[USER:PASSWORD@]HOST:PORT` `https://…`, or `off`. Default: the variable HTTPS_PROXY. Give it as ASSAY_COLLATERAL_PROXY where it holds a password.',
      { secret: true },
    ),
    no_proxy: Texts(
      'Hosts that are asked without the proxy: names with their subdomains, addresses, each with or without a port, or `*`. Default: the variable NO_PROXY.',
    ),
    ca: OptionalText('PEM file with CAs of those services, and of a proxy, believed beside the system’s.'),
    allow_http: Flag(
      'Allow `http://` for those services: what they say is signed, but who is asked about can be seen.',
      false,
    ),
    exporters: Texts(
      'Servers whose bundles `assay collateral import` takes: `NAME=KEY`, the key as their `assay collateral status` shows it.',
    ),
    tcb_update: Type.Enum(['early', 'standard'], {
      description:
        'Which TCB evaluation counts: `early` as soon as Intel publishes it, `standard` when platforms had time to update.',
      default: 'early',
    }),
    tcb_evaluation_number: Count(
      'TCB evaluation number that TCB info and QE identity must be of, whatever `tcb_update` says; 0 pins none. `assay collateral status` shows which numbers Intel serves.',
      0,
      0,
      2 ** 31 - 1,
    ),
    refresh_after: Count('Hours after which a kept item is fetched again in the background.', 24, 1, 8760),
    expire_after: Count('Hours after which a kept item is not used without asking.', 168, 1, 8760),
    stale_if_error: Count(
      'Hours that an item may be used beyond its end while nobody answers; recorded in the verdict.',
      0,
      0,
      8760,
    ),
  },
);

export const TrustSettings = section('Trust beyond the vendors’ built-in roots.', {
  emulated_roots: Texts(
    'Certificates of emulated hardware’s test roots (PEM or DER). Evidence under them proves nothing: claims say `emulated`. For development only.',
  ),
});

export const AuditSettings = section('Attestation attempts and admin actions.', {
  retention: Count('Days that attempts are kept.', 90, 1, 36500),
  attempts: Count(
    'Most attempts that are kept. Of those beyond, the oldest that came to nothing go first.',
    100_000,
    1,
    10_000_000,
  ),
});

export const LogSettings = section('The log, on standard error.', {
  level: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'Least severity that is written.',
    default: 'info',
  }),
});

const Plugin = Type.Object(
  { name: Text('Name of the plug-in, the first path segment after `/kbs/v0/`.') },
  {
    description: 'One plug-in and its own settings.',
  },
);

export const Settings = Type.Object(
  {
    http: HttpSettings,
    storage: StorageSettings,
    admin: AdminSettings,
    session: SessionSettings,
    attestation_service: AttestationServiceSettings,
    rvps: RvpsSettings,
    attestation_token: AttestationTokenSettings,
    grpc: GrpcSettings,
    collateral: CollateralSettings,
    trust: TrustSettings,
    tdx: TdxSettings,
    sgx: SgxSettings,
    snp: SnpSettings,
    sev: SevSettings,
    tpm: TpmSettings,
    azure: AzureSettings,
    cca: CcaSettings,
    nitro: NitroSettings,
    nvidia: NvidiaSettings,
    nvidiadpu: NvidiaDpuSettings,
    csv: CsvSettings,
    se: SeSettings,
    development: DevelopmentSettings,
    audit: AuditSettings,
    log: LogSettings,
    plugins: Type.Array(Plugin, { description: 'Plug-ins beside `resource`, which is always on.', default: [] }),
  },
  { additionalProperties: false },
);

/** A complete, validated configuration. */
export type Settings = Static<typeof Settings>;
