import { assayError } from '@assay/bytes/findings';
import type { KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import { type Call, json, param, principalOf, type Route } from '../route.js';
import { adminRoute, afterQuery, answers, limitQuery, pageOf } from './common.js';

const one = '/api/v1/resources/{repository}/{type}/{tag}';

/** Secrets: their names, versions and leases. Their values go in, and come out only to attested guests. */
export function resourceRoutes(broker: KeyBroker): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'resources.list',
      methods: ['GET'],
      path: '/api/v1/resources',
      summary: 'List resources by name; never their values.',
      request: {
        query: {
          repository: { description: 'Only this repository.', schema: Type.String() },
          limit: limitQuery,
          after: afterQuery,
        },
      },
      responses: { 200: answers('a page of resources') },
      handle: async (call) => {
        const repository = call.query['repository'];
        return json(
          await broker.resources.list({ ...pageOf(call), ...(repository === undefined ? {} : { repository }) }),
        );
      },
    },
    {
      ...adminRoute,
      id: 'resources.get',
      methods: ['GET'],
      path: one,
      summary: 'Describe a resource: versions, size, who wrote it; never its value.',
      responses: { 200: answers('description and versions') },
      handle: async (call) => {
        const path = pathOf(call);
        const description = await broker.resources.describe(path);
        if (description === undefined) throw missing(path);
        return json({ ...description, versions: await broker.resources.versions(path) });
      },
    },
    {
      ...adminRoute,
      id: 'resources.set',
      methods: ['PUT'],
      path: one,
      summary: 'Store a new version of a resource; the body is the secret itself.',
      request: { raw: 'the secret, byte for byte' },
      responses: { 200: answers('description of the new version') },
      handle: async (call) => json(await broker.resources.set(pathOf(call), call.body, principalOf(call))),
    },
    {
      ...adminRoute,
      id: 'resources.delete',
      methods: ['DELETE'],
      path: one,
      summary: 'Delete a resource with all its versions.',
      responses: { 204: { description: 'deleted' } },
      handle: async (call) => {
        await broker.resources.delete(pathOf(call), principalOf(call));
        return { status: 204 };
      },
    },
    {
      ...adminRoute,
      id: 'resources.leases',
      methods: ['GET'],
      path: `${one}/leases`,
      summary: 'To which attempts and keys a resource was released, newest first.',
      request: { query: { limit: limitQuery, after: afterQuery } },
      responses: { 200: answers('a page of leases') },
      handle: async (call) => json(await broker.resources.leases(pathOf(call), pageOf(call))),
    },
    {
      ...adminRoute,
      id: 'session.get',
      methods: ['GET'],
      path: '/api/v1/session',
      summary: 'Who the caller is to this server.',
      responses: { 200: answers('subject and role') },
      handle: async (call) => {
        const { subject, role, issuer } = principalOf(call);
        return json({ subject, role, ...(issuer === undefined ? {} : { issuer }), mode: broker.admin.mode });
      },
    },
  ];
}

function pathOf(call: Call): string {
  return [param(call, 'repository'), param(call, 'type'), param(call, 'tag')].join('/');
}

function missing(path: string): Error {
  return assayError('resource.object.present', {
    params: { resource: path, nearest: 'list them with `assay secret list`' },
  });
}
