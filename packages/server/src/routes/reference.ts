import { createMetrics } from '../metrics/metrics.js';
import { attemptRoutes } from './api/attempts.js';
import { collateralRoutes } from './api/collateral.js';
import { policyRoutes } from './api/policies.js';
import { referenceValueRoutes } from './api/reference-values.js';
import { replayRoutes } from './api/replay.js';
import { resourceRoutes } from './api/resources.js';
import { sevRoutes } from './api/sev.js';
import { tpmKeyRoutes } from './api/tpm.js';
import { attestationServiceRoutes } from './attestation-service.js';
import { kbsRoutes } from './kbs.js';
import { operationsRoutes } from './operations.js';
import type { Route } from './route.js';
import { tpmRoutes } from './tpm.js';

/** Every route that any role serves, for documentation: the handlers are never called. */
export function documentedRoutes(): readonly Route[] {
  // Declarations read nothing from the services; a handler that is called all the same fails at once.
  const nothing = new Proxy({}, { get: () => undefined }) as never;
  const routes: Route[] = [
    ...kbsRoutes(nothing),
    ...attemptRoutes(nothing),
    ...replayRoutes(nothing, nothing, undefined),
    ...policyRoutes(nothing, nothing),
    ...referenceValueRoutes(nothing, nothing),
    ...resourceRoutes(nothing),
    ...sevRoutes(nothing),
    ...collateralRoutes(nothing, nothing),
    ...tpmRoutes(nothing, { access: 'public', warn: () => undefined }),
    ...tpmKeyRoutes(nothing, nothing),
    ...attestationServiceRoutes(nothing),
    ...operationsRoutes({
      version: '',
      metrics: createMetrics({ version: '' }),
      readiness: async () => [],
      jwks: async () => ({}),
      modes: [],
      issuer: '',
      table: () => routes,
    }),
  ];
  return routes;
}

/** `docs/reference/http-api.md`, made from the route table. */
export function renderApiReference(): string {
  const lines = [
    '# HTTP API',
    '',
    'Made from the route table in `packages/server/src/routes` by `npm run docs`; do not edit.',
    '',
    'A running server has the same as OpenAPI 3.1 at `/api/openapi.json`, and as a page at `/api/docs`.',
    'Refusals under `/kbs` are `{type, detail, code, attempt}`, under `/api` RFC 9457 problem documents with `code` and `remedy`; both are explained in [findings.md](findings.md).',
    '',
  ];
  let tag = '';
  for (const route of documentedRoutes()) {
    if (route.tag !== tag) {
      tag = route.tag;
      lines.push(`## ${tag}`, '', '| route | who | what |', '| --- | --- | --- |');
    }
    lines.push(
      `| ${route.methods.map((method) => `\`${method}\``).join(' ')} \`${route.path}\` | ${route.access} | ${route.summary} |`,
    );
  }
  return `${lines.join('\n').replaceAll(/\n(## )/g, '\n\n$1')}\n`;
}
