import type { AttestationBackend } from '@assay/attestation-service';
import type { Route } from './route.js';

export function attestationServiceRoutes(_attestation: AttestationBackend): readonly Route[] {
  return [];
}
