import { type AnyObject, objectHas, objectKeys, print, RegoSet, type Value } from '../../value/index.js';
import { typeFailure } from '../types.js';

const REQUIRED = ['method', 'url'];
const ALLOWED: ReadonlySet<Value> = new Set([
  ...REQUIRED,
  'body',
  'cache',
  'cache_ignored_headers',
  'caching_mode',
  'enable_redirect',
  'force_cache',
  'force_cache_duration_seconds',
  'force_json_decode',
  'force_yaml_decode',
  'headers',
  'max_retry_attempts',
  'raise_error',
  'raw_body',
  'timeout',
  'tls_ca_cert',
  'tls_ca_cert_env_variable',
  'tls_ca_cert_file',
  'tls_client_cert',
  'tls_client_cert_env_variable',
  'tls_client_cert_file',
  'tls_client_key',
  'tls_client_key_env_variable',
  'tls_client_key_file',
  'tls_insecure_skip_verify',
  'tls_server_name',
  'tls_use_system_ca_certs',
]);

/** Checks the keys of a request object as `http.send` defines them; throws a type error naming the offending ones. */
export function checkHttpRequest(request: AnyObject, pos: number): void {
  const unknown = objectKeys(request).filter((key) => !ALLOWED.has(key));
  if (unknown.length > 0) {
    throw typeFailure(`operand ${pos} invalid request parameters(s): ${print(RegoSet.of(unknown))}`);
  }
  const missing = REQUIRED.filter((key) => !objectHas(request, key));
  if (missing.length > 0) {
    throw typeFailure(`operand ${pos} missing required request parameters(s): ${print(RegoSet.of(missing))}`);
  }
}
