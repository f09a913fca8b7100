import type { AttestationBackend } from '@assay/attestation-service';
import { assayError, listInLine } from '@assay/bytes/findings';
import type { KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import { json, jsonBody, param, principalOf, type Route } from '../route.js';
import { adminRoute, answers, author, integerQuery } from './common.js';

const PolicyText = Type.Object({ text: Type.String({ maxLength: 1024 * 1024 }) }, { additionalProperties: false });

const TryOut = Type.Object(
  {
    text: Type.Optional(
      Type.String({ maxLength: 1024 * 1024, description: 'Draft to try instead of the policy in force.' }),
    ),
    claims: Type.Unknown({ description: 'Claims of an attestation token.' }),
    plugin: Type.Optional(Type.String()),
    path: Type.Array(Type.String(), { description: 'Segments of the resource.' }),
    query: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
);

/** Attestation policies (one for each id) and the resource policy. */
export function policyRoutes(broker: KeyBroker, attestation: AttestationBackend): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'attestation-policies.list',
      methods: ['GET'],
      path: '/api/v1/attestation-policies',
      summary: 'List attestation policies.',
      responses: { 200: answers('policies, without their text') },
      handle: async () => json({ items: await attestation.listPolicies() }),
    },
    {
      ...adminRoute,
      id: 'attestation-policies.get',
      methods: ['GET'],
      path: '/api/v1/attestation-policies/{id}',
      summary: 'Read an attestation policy.',
      request: { query: { version: { description: 'An older version.', schema: Type.Integer({ minimum: 1 }) } } },
      responses: { 200: answers('the policy with its text') },
      handle: async (call) => {
        const id = param(call, 'id');
        const policy = await attestation.getPolicy(id, integerQuery(call, 'version', 1, 999_999_999));
        if (policy === undefined) throw await unknownPolicy(attestation, id);
        return json(policy);
      },
    },
    {
      ...adminRoute,
      id: 'attestation-policies.history',
      methods: ['GET'],
      path: '/api/v1/attestation-policies/{id}/history',
      summary: 'Every version of an attestation policy, newest first.',
      responses: { 200: answers('versions, without their text') },
      handle: async (call) => json({ items: await attestation.policyHistory(param(call, 'id')) }),
    },
    {
      ...adminRoute,
      id: 'attestation-policies.set',
      methods: ['PUT'],
      path: '/api/v1/attestation-policies/{id}',
      summary: 'Compile and store an attestation policy.',
      request: { body: PolicyText },
      responses: { 200: answers('the stored policy and what is suspicious about it') },
      handle: async (call) => {
        const principal = principalOf(call);
        const { text } = jsonBody(call, PolicyText);
        const id = param(call, 'id');
        const result = await attestation.setPolicy(id, text, author(principal));
        await broker.operations.record(
          { act: 'attestation-policy.set', object: id, digest: result.policy.digest },
          principal,
        );
        return json(result);
      },
    },
    {
      ...adminRoute,
      id: 'attestation-policies.delete',
      methods: ['DELETE'],
      path: '/api/v1/attestation-policies/{id}',
      summary: 'Delete an attestation policy; a built-in one comes back at the next start.',
      responses: { 204: { description: 'deleted' } },
      handle: async (call) => {
        const principal = principalOf(call);
        const id = param(call, 'id');
        if (!(await attestation.deletePolicy(id, author(principal)))) throw await unknownPolicy(attestation, id);
        await broker.operations.record({ act: 'attestation-policy.delete', object: id }, principal);
        return { status: 204 };
      },
    },
    {
      ...adminRoute,
      id: 'resource-policy.get',
      methods: ['GET'],
      path: '/api/v1/resource-policy',
      summary: 'Read the resource policy.',
      responses: { 200: answers('the policy with its text') },
      handle: async () => json(await broker.resourcePolicies.current()),
    },
    {
      ...adminRoute,
      id: 'resource-policy.history',
      methods: ['GET'],
      path: '/api/v1/resource-policy/history',
      summary: 'Every version of the resource policy, newest first.',
      responses: { 200: answers('versions with their text') },
      handle: async () => json({ items: await broker.resourcePolicies.history() }),
    },
    {
      ...adminRoute,
      id: 'resource-policy.set',
      methods: ['PUT'],
      path: '/api/v1/resource-policy',
      summary: 'Compile and store the resource policy.',
      request: { body: PolicyText },
      responses: { 200: answers('the stored policy and what is suspicious about it') },
      handle: async (call) =>
        json(await broker.resourcePolicies.set(jsonBody(call, PolicyText).text, principalOf(call))),
    },
    {
      ...adminRoute,
      id: 'resource-policy.try',
      methods: ['POST'],
      path: '/api/v1/resource-policy/try',
      summary: 'Ask what the resource policy, or a draft of it, says of given claims. Nothing is released or stored.',
      request: { body: TryOut },
      responses: { 200: answers('the decision and why') },
      handle: async (call) => {
        const { text, claims, plugin, path, query } = jsonBody(call, TryOut);
        return json(
          await broker.resourcePolicies.tryOut({
            claims,
            plugin: plugin ?? 'resource',
            path,
            ...(text === undefined ? {} : { text }),
            ...(query === undefined ? {} : { query }),
          }),
        );
      },
    },
  ];
}

async function unknownPolicy(attestation: AttestationBackend, id: string): Promise<Error> {
  const list = listInLine((await attestation.listPolicies()).map((policy) => policy.id));
  return assayError('policy.id.known', { params: { id, list } });
}
