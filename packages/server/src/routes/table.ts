import type { Services } from '../compose/services.js';
import type { Settings } from '../config/schema.js';
import type { Metrics } from '../metrics/metrics.js';
import { attemptRoutes } from './api/attempts.js';
import { collateralRoutes } from './api/collateral.js';
import { policyRoutes } from './api/policies.js';
import { referenceValueRoutes } from './api/reference-values.js';
import { replayRoutes } from './api/replay.js';
import { resourceRoutes } from './api/resources.js';
import { attestationServiceRoutes } from './attestation-service.js';
import { kbsRoutes } from './kbs.js';
import { operationsRoutes } from './operations.js';
import type { Route } from './route.js';

export interface TableSources {
  readonly services: Services;
  readonly metrics: Metrics;
  readonly settings: Settings;
  readonly version: string;
}

/** Every route of a server. What is not in here is not served. */
export function routeTable(sources: TableSources): readonly Route[] {
  const { services, metrics, settings, version } = sources;
  const { broker, attestation, collateral, rvps, role } = services;
  const routes: Route[] = [
    ...operationsRoutes({
      version,
      metrics,
      readiness: services.readiness,
      jwks: async () => (attestation === undefined ? { keys: [] } : { keys: [...(await attestation.jwks()).keys] }),
      issuer: settings.attestation_service.issuer,
      table: () => routes,
    }),
  ];
  if (attestation !== undefined && role === 'attestation-service')
    routes.push(...attestationServiceRoutes(attestation));
  if (broker !== undefined && attestation !== undefined) {
    routes.push(
      ...kbsRoutes(broker),
      ...attemptRoutes(broker),
      ...replayRoutes(broker, attestation, rvps),
      ...policyRoutes(broker, attestation),
      ...resourceRoutes(broker),
    );
    if (rvps !== undefined) routes.push(...referenceValueRoutes(broker, rvps));
    if (collateral !== undefined) routes.push(...collateralRoutes(broker, collateral));
  }
  return routes;
}
