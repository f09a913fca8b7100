import { type AttestationBackend, restRoutes } from '@assay/attestation-service';
import { author } from './api/common.js';
import { principalOf, type Route } from './route.js';

/** The REST face of the CoCo Attestation Service, where it runs alone. */
export function attestationServiceRoutes(attestation: AttestationBackend): readonly Route[] {
  return restRoutes(attestation)
    .filter((route) => route.path !== '/healthz' && !route.path.startsWith('/.well-known/'))
    .map((route) => ({
      id: route.id,
      methods: [route.method],
      path: route.path,
      access: route.access,
      tag: 'attestation-service',
      summary: route.summary,
      errors: 'text',
      ...(route.method === 'POST' ? { request: { raw: 'JSON of the Attestation Service’s REST interface' } } : {}),
      responses: {
        200: { description: 'done' },
        400: { description: 'not decodable', contentType: 'text/plain' },
        500: { description: 'refused or failed; the text says why', contentType: 'text/plain' },
      },
      handle: async (call) => {
        const by = route.access === 'admin' ? author(principalOf(call)) : { subject: 'nobody', method: 'none' };
        const { contentType, body } = await route.handle(call.body, by);
        return { contentType, body };
      },
    }));
}
