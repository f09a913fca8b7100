import type { FindingDraft } from '@assay/bytes/findings';
import type { Services } from '../compose/services.js';
import type { Settings } from '../config/schema.js';
import { developmentModes } from '../config/tee/development.js';
import type { Metrics } from '../metrics/metrics.js';
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

export interface TableSources {
  readonly services: Services;
  readonly metrics: Metrics;
  readonly settings: Settings;
  readonly version: string;
  /** Tells the owner, in the log, what a guest was refused for. */
  readonly warn: (finding: Pick<FindingDraft, 'id' | 'title' | 'remedy'>) => void;
}

/** Every route of a server. What is not in here is not served. */
export function routeTable(sources: TableSources): readonly Route[] {
  const { services, metrics, settings, version, warn } = sources;
  const { broker, attestation, collateral, rvps, tpm, role } = services;
  const routes: Route[] = [
    ...operationsRoutes({
      version,
      metrics,
      readiness: services.readiness,
      jwks: async () => (attestation === undefined ? { keys: [] } : { keys: [...(await attestation.jwks()).keys] }),
      issuer: settings.attestation_service.issuer,
      modes: developmentModes(settings.development),
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
    if (broker.sev !== undefined) routes.push(...sevRoutes(broker.sev));
    if (rvps !== undefined) routes.push(...referenceValueRoutes(broker, rvps));
    if (collateral !== undefined) routes.push(...collateralRoutes(broker, collateral));
    if (tpm !== undefined) routes.push(...tpmKeyRoutes(broker, tpm.keys));
    const { enrolment: access } = settings.tpm;
    if (tpm?.enrolment !== undefined && access !== 'off') routes.push(...tpmRoutes(tpm.enrolment, { access, warn }));
  }
  return routes;
}
