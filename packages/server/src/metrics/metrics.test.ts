import { expect, test } from 'vitest';
import { createMetrics } from './metrics.js';

/** Names of the Trustee KBS, with the type in Prometheus' sense. */
const upstream = {
  kbs_build_info: 'gauge',
  kbs_http_requests_total: 'counter',
  kbs_http_request_duration_seconds: 'histogram',
  kbs_http_request_size_bytes: 'histogram',
  kbs_http_response_size_bytes: 'histogram',
  kbs_http_active_connections: 'gauge',
  kbs_resource_reads_total: 'counter',
  kbs_resource_writes_total: 'counter',
  kbs_resource_deletes_total: 'counter',
  kbs_policy_evaluations_total: 'counter',
  kbs_policy_approvals_total: 'counter',
  kbs_policy_violations_total: 'counter',
  kbs_policy_errors_total: 'counter',
  kbs_attestation_requests_total: 'counter',
  kbs_attestation_errors_total: 'counter',
  kbs_attestation_successes_total: 'counter',
  kbs_attestation_failures_total: 'counter',
  kbs_auth_requests_total: 'counter',
  kbs_auth_successes_total: 'counter',
  kbs_auth_errors_total: 'counter',
  kbs_plugin_requests_total: 'counter',
  kbs_plugin_errors_total: 'counter',
  kbs_plugin_request_duration_seconds: 'histogram',
};

test('series have upstream’s names and kinds', async () => {
  const text = await createMetrics({ version: '1' }).text();
  const types = Object.fromEntries([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  expect(types).toMatchObject(upstream);
  expect(Object.keys(types).filter((name) => !(name in upstream))).toEqual(['assay_outcomes_total']);
});

test('buckets are upstream’s', async () => {
  const metrics = createMetrics({ version: '1' });
  metrics.kbs.pluginRequest('resource', 0.002, false);
  const text = await metrics.text();
  const buckets = (name: string): string[] =>
    [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"`, 'gm'))].map(([, le]) => le ?? '');
  expect(buckets('kbs_http_request_duration_seconds')).toEqual('0.0005 0.001 0.005 0.01 0.05 0.5 1 +Inf'.split(' '));
  expect(buckets('kbs_http_request_size_bytes')).toEqual('32 128 512 2048 8192 +Inf'.split(' '));
  expect(buckets('kbs_plugin_request_duration_seconds')).toEqual('0.001 0.005 0.01 0.05 0.1 0.5 1 +Inf'.split(' '));
});

test('each event counts once, where it belongs', async () => {
  const { kbs, http, text } = createMetrics({ version: '1.2.3' });
  kbs.authRequest();
  kbs.authSuccess();
  kbs.authError();
  kbs.attestationRequest();
  kbs.attestationSuccess('tdx');
  kbs.attestationFailure('snp');
  kbs.attestationError();
  kbs.policyEvaluation();
  kbs.policyApproval();
  kbs.policyViolation();
  kbs.policyError();
  kbs.resourceRead();
  kbs.resourceWrite();
  kbs.resourceDelete();
  kbs.pluginRequest('resource', 0.002, true);
  kbs.pluginRequest('resource', 0.002, false);
  kbs.outcome('rv.match.any', 'snp');
  http.requestStarted();
  http.requestStarted();
  http.requestClosed();
  http.requestEnded({ path: '/kbs/v0/auth', seconds: 0.002, requestBytes: 100, responseBytes: 3000 });
  http.requestEnded({ path: '/api/v1/audit', seconds: 0.002, requestBytes: 100, responseBytes: 100 });
  const lines = (await text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const value = (series: string): number | undefined => {
    const line = lines.find((l) => l.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const once = [
    'kbs_auth_requests_total',
    'kbs_auth_successes_total',
    'kbs_auth_errors_total',
    'kbs_attestation_requests_total',
    'kbs_attestation_successes_total{tee_type="tdx"}',
    'kbs_attestation_failures_total{tee_type="snp"}',
    'kbs_attestation_errors_total',
    'kbs_policy_evaluations_total',
    'kbs_policy_approvals_total',
    'kbs_policy_violations_total',
    'kbs_policy_errors_total',
    'kbs_resource_reads_total',
    'kbs_resource_writes_total',
    'kbs_resource_deletes_total',
    'kbs_plugin_errors_total{plugin_name="resource"}',
    'assay_outcomes_total{root="rv.match.any",tee_type="snp"}',
    'kbs_http_active_connections',
    // Only what is under /kbs counts, as upstream.
    'kbs_http_requests_total',
    'kbs_http_request_size_bytes_bucket{le="128"}',
    'kbs_http_response_size_bytes_bucket{le="8192"}',
    'kbs_build_info{version="1.2.3",git_hash="",build_date=""}',
  ];
  for (const series of once) expect(value(series), series).toBe(1);
  expect(value('kbs_plugin_requests_total{plugin_name="resource"}')).toBe(2);
  expect(value('kbs_http_response_size_bytes_bucket{le="2048"}')).toBe(0);
});
