import type { AttestationKeys } from '@assay/attestation-service';
import { assayError } from '@assay/bytes/findings';
import type { KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import { json, jsonBody, param, principalOf, type Route } from '../route.js';
import { actorOf } from '../tpm.js';
import { adminRoute, afterQuery, answers, limitQuery, pageOf } from './common.js';

const Revoke = Type.Object(
  {
    endorsement_key: Type.Optional(
      Type.Boolean({
        description: 'Revoke the endorsement key as well: no key of that TPM counts any more, nor can it enrol one.',
      }),
    ),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
);

/** Enrolled attestation keys of TPMs. */
export function tpmKeyRoutes(broker: KeyBroker, keys: AttestationKeys): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'tpm.aks.list',
      methods: ['GET'],
      path: '/api/v1/tpm/aks',
      summary: 'List enrolled attestation keys by name, revoked ones too.',
      request: { query: { limit: limitQuery, after: afterQuery } },
      responses: {
        200: answers(
          'a page of keys',
          Type.Object({ items: Type.Array(Type.Unknown()), next: Type.Optional(Type.String()) }),
        ),
      },
      handle: async (call) => json(await keys.list(pageOf(call))),
    },
    {
      ...adminRoute,
      id: 'tpm.aks.get',
      methods: ['GET'],
      path: '/api/v1/tpm/aks/{name}',
      summary: 'One enrolled attestation key: its public area, what vouched for it, who enrolled it and when.',
      responses: { 200: answers('the key') },
      handle: async (call) => {
        const name = param(call, 'name');
        const key = await keys.get(name);
        if (key === undefined) throw assayError('tpm.ak.known', { params: { name: name.slice(0, 140) } });
        return json(key);
      },
    },
    {
      ...adminRoute,
      id: 'tpm.aks.revoke',
      methods: ['POST'],
      path: '/api/v1/tpm/aks/{name}/revoke',
      summary: 'Revoke an attestation key for good; its quotes are refused from the next one on.',
      request: { body: Revoke },
      responses: { 200: answers('the revoked key') },
      handle: async (call) => {
        const { endorsement_key: endorsement = false, reason } = jsonBody(call, Revoke);
        const principal = principalOf(call);
        const key = await keys.revoke(param(call, 'name'), {
          by: actorOf(call),
          endorsement,
          ...(reason === undefined ? {} : { reason }),
        });
        await broker.operations.record(
          { act: endorsement ? 'tpm.ek.revoke' : 'tpm.ak.revoke', object: key.name },
          principal,
        );
        return json(key);
      },
    },
  ];
}
