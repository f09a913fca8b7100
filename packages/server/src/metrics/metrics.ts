import type { KbsMetrics } from '@assay/kbs';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the HTTP face counts. */
export interface HttpMetrics {
  requestStarted(): void;
  requestClosed(): void;
  requestEnded(request: {
    readonly path: string;
    readonly seconds: number;
    readonly requestBytes: number;
    readonly responseBytes: number;
  }): void;
}

export interface Metrics {
  readonly kbs: KbsMetrics;
  readonly http: HttpMetrics;
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
  /** All series, for the reference page. */
  readonly described: readonly { readonly name: string; readonly help: string }[];
}

const sizeBuckets = [32, 128, 512, 2048, 8192];

/**
 * Metrics under the names of the Trustee KBS, so that dashboards go on working. Labels are bounded: a resource path is
 * never a label (upstream's `resource_path`), detail is in the audit log.
 */
export function createMetrics(build: { readonly version: string }): Metrics {
  const registry = new Registry();
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
  const labelled = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers: [registry] });

  new Gauge({
    name: 'kbs_build_info',
    help: 'Build of this server',
    labelNames: ['version', 'git_hash', 'build_date'],
    registers: [registry],
  }).set({ version: build.version, git_hash: '', build_date: '' }, 1);

  const requests = counter('kbs_http_requests_total', 'Requests under /kbs');
  const seconds = histogram(
    'kbs_http_request_duration_seconds',
    'Time to answer',
    [0.0005, 0.001, 0.005, 0.01, 0.05, 0.5, 1],
  );
  const requestSize = histogram('kbs_http_request_size_bytes', 'Size of request bodies', sizeBuckets);
  const responseSize = histogram('kbs_http_response_size_bytes', 'Size of response bodies', sizeBuckets);
  const active = new Gauge({ name: 'kbs_http_active_connections', help: 'Requests under way', registers: [registry] });

  const reads = counter('kbs_resource_reads_total', 'Resources read');
  const writes = counter('kbs_resource_writes_total', 'Resources written');
  const deletes = counter('kbs_resource_deletes_total', 'Resources deleted');
  const evaluations = counter('kbs_policy_evaluations_total', 'Resource policy evaluations');
  const approvals = counter('kbs_policy_approvals_total', 'Resource policy said yes');
  const violations = counter('kbs_policy_violations_total', 'Resource policy said no');
  const policyErrors = counter('kbs_policy_errors_total', 'Resource policy could not be evaluated');
  const attestations = counter('kbs_attestation_requests_total', 'Calls of attest');
  const attestationErrors = counter(
    'kbs_attestation_errors_total',
    'Calls of attest that were malformed or had no session',
  );
  const successes = labelled('kbs_attestation_successes_total', 'Evidence accepted', ['tee_type']);
  const failures = labelled('kbs_attestation_failures_total', 'Evidence not accepted', ['tee_type']);
  const auths = counter('kbs_auth_requests_total', 'Calls of auth');
  const authSuccesses = counter('kbs_auth_successes_total', 'Challenges given');
  const authErrors = counter('kbs_auth_errors_total', 'Calls of auth that were refused');
  const pluginRequests = labelled('kbs_plugin_requests_total', 'Requests to plug-ins', ['plugin_name']);
  const pluginErrors = labelled('kbs_plugin_errors_total', 'Requests that a plug-in refused', ['plugin_name']);
  const pluginSeconds = new Histogram({
    name: 'kbs_plugin_request_duration_seconds',
    help: 'Time a plug-in took',
    labelNames: ['plugin_name'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    registers: [registry],
  });
  const outcomes = labelled('assay_outcomes_total', 'Attempts by first root finding and TEE', ['root', 'tee_type']);

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    described: registry.getMetricsAsArray().map(({ name, help }) => ({ name, help })),
    http: {
      requestStarted: () => active.inc(),
      requestClosed: () => active.dec(),
      requestEnded: (request) => {
        if (!request.path.startsWith('/kbs')) return;
        requests.inc();
        seconds.observe(request.seconds);
        requestSize.observe(request.requestBytes);
        responseSize.observe(request.responseBytes);
      },
    },
    kbs: {
      authRequest: () => auths.inc(),
      authSuccess: () => authSuccesses.inc(),
      authError: () => authErrors.inc(),
      attestationRequest: () => attestations.inc(),
      attestationSuccess: (tee) => successes.inc({ tee_type: tee }),
      attestationFailure: (tee) => failures.inc({ tee_type: tee }),
      attestationError: () => attestationErrors.inc(),
      policyEvaluation: () => evaluations.inc(),
      policyApproval: () => approvals.inc(),
      policyViolation: () => violations.inc(),
      policyError: () => policyErrors.inc(),
      resourceRead: () => reads.inc(),
      resourceWrite: () => writes.inc(),
      resourceDelete: () => deletes.inc(),
      pluginRequest: (plugin, duration, ok) => {
        pluginRequests.inc({ plugin_name: plugin });
        pluginSeconds.observe({ plugin_name: plugin }, duration);
        if (!ok) pluginErrors.inc({ plugin_name: plugin });
      },
      outcome: (root, tee) => outcomes.inc({ root, tee_type: tee }),
    },
  };
}
