import { createHash } from 'node:crypto';
import type { Finding } from '@assay/bytes/findings';
import type { Metrics } from '../metrics/metrics.js';
import { openApiDocument } from '../openapi/document.js';
import { apiPage, escapeHtml, page, style } from '../openapi/page.js';
import { json, type Reply, type Route } from './route.js';

/** What the operational routes show. */
export interface OperationsSources {
  readonly version: string;
  readonly metrics: Metrics;
  /** Findings that stand in the way of answering; empty when ready. */
  readonly readiness: () => Promise<readonly Finding[]>;
  /** JWK set that verifies Assay's tokens. */
  readonly jwks: () => Promise<object>;
  /** `iss` of Assay's tokens. */
  readonly issuer: string;
  /** Modes for development that are on. */
  readonly modes: readonly string[];
  /** All routes, these included: known only when the table is complete. */
  readonly table: () => readonly Route[];
}

const htmlHeaders = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
  'referrer-policy': 'no-referrer',
} as const;

/** Health, metrics, keys, documentation. All public, none of them tells anything about guests, policies or resources. */
export function operationsRoutes(sources: OperationsSources): readonly Route[] {
  const common = { tag: 'operations', errors: 'problem', access: 'public', methods: ['GET'] } as const;
  return [
    {
      ...common,
      id: 'operations.alive',
      path: '/healthz',
      summary: 'Alive: the process answers.',
      responses: { 200: { description: 'alive' } },
      handle: async () => ({}),
    },
    {
      ...common,
      id: 'operations.ready',
      path: '/readyz',
      summary: 'Ready: storage, key management, signer and policies can really answer.',
      responses: {
        200: { description: 'ready', contentType: 'application/json' },
        503: { description: 'not ready; which parts are out', contentType: 'application/json' },
      },
      handle: () => ready(sources),
    },
    {
      ...common,
      id: 'operations.metrics',
      path: '/metrics',
      summary: 'Metrics in Prometheus text format.',
      responses: { 200: { description: 'metrics', contentType: 'text/plain' } },
      handle: async () => ({ contentType: sources.metrics.contentType, body: await sources.metrics.text() }),
    },
    {
      ...common,
      id: 'operations.jwks',
      path: '/.well-known/jwks.json',
      summary: 'JWK set that verifies attestation tokens.',
      responses: { 200: { description: 'JWK set', contentType: 'application/json' } },
      handle: async () => json(await sources.jwks()),
    },
    {
      ...common,
      id: 'operations.openid-configuration',
      path: '/.well-known/openid-configuration',
      summary: 'Where the JWK set is, in OpenID form.',
      responses: { 200: { description: 'discovery document', contentType: 'application/json' } },
      handle: async (call) =>
        json({
          issuer: sources.issuer,
          jwks_uri: `${call.origin}/.well-known/jwks.json`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['ES256'],
        }),
    },
    {
      ...common,
      id: 'operations.openapi',
      path: '/api/openapi.json',
      summary: 'This API as an OpenAPI 3.1 document.',
      responses: { 200: { description: 'OpenAPI document', contentType: 'application/json' } },
      handle: async () => json(openApiDocument(sources.table(), sources.version)),
    },
    {
      ...common,
      id: 'operations.docs',
      path: '/api/docs',
      summary: 'This API as a page.',
      responses: { 200: { description: 'HTML', contentType: 'text/html' } },
      handle: async () => html(apiPage(sources.table(), sources.version)),
    },
    {
      ...common,
      id: 'operations.home',
      path: '/',
      summary: 'What this server is, and where to go on.',
      responses: { 200: { description: 'HTML', contentType: 'text/html' } },
      handle: async () => html(homePage(sources)),
    },
  ];
}

async function ready(sources: OperationsSources): Promise<Reply> {
  const findings = await sources.readiness();
  // Ids only: titles name addresses and paths, and this route is public.
  const parts = [...new Set(findings.map((finding) => finding.id))];
  const { modes } = sources;
  const development = modes.length === 0 ? {} : { development: modes };
  return json({ ready: parts.length === 0, out: parts, ...development }, { status: parts.length === 0 ? 200 : 503 });
}

function html(body: string): Reply {
  return { contentType: 'text/html; charset=utf-8', headers: htmlHeaders, body };
}

function homePage(sources: OperationsSources): string {
  return page(
    'Assay',
    `<h1>Assay <small>${escapeHtml(sources.version)}</small></h1>
<p>Remote attestation and key brokering for confidential containers.</p>
<ul>
<li><a href="/api/docs">API</a> (<a href="/api/openapi.json">OpenAPI 3.1</a>)</li>
<li><a href="/readyz">Readiness</a>, <a href="/metrics">metrics</a></li>
<li><a href="/.well-known/jwks.json">Keys that verify attestation tokens</a></li>
</ul>
<p>Guests speak the Key Broker Service protocol under <code>/kbs/v0</code>. Owners use the <code>assay</code> command: <code>assay login</code>, then <code>assay audit</code>.</p>`,
  );
}
