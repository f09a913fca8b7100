import { assayError } from '@assay/bytes/findings';
import type { SevBroker } from '@assay/kbs';
import Type from 'typebox';
import { json, param, principalOf, type Route } from '../route.js';
import { adminRoute, afterQuery, answers, limitQuery, pageOf } from './common.js';

const target = '/api/v1/sev/launch-policies/{target*}';
const reportKey = '/api/v1/sev/report-keys/{id}';

/** Launch policies of SEV pre-attestation, and the keys that sign its reports. */
export function sevRoutes(sev: SevBroker): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'sev-policies.list',
      methods: ['GET'],
      path: '/api/v1/sev/launch-policies',
      summary: 'List launch policies of SEV pre-attestation.',
      request: { query: { limit: limitQuery, after: afterQuery } },
      responses: { 200: answers('a page of launch policies') },
      handle: async (call) => json(await sev.launchPolicies.list(pageOf(call))),
    },
    {
      ...adminRoute,
      id: 'sev-policies.get',
      methods: ['GET'],
      path: target,
      summary: 'Show a launch policy: of `default`, of a resource, or of `report-key/ID`.',
      responses: { 200: answers('the launch policy') },
      handle: async (call) => {
        const name = param(call, 'target');
        const record = await sev.launchPolicies.get(name);
        if (record === undefined) throw missing(`launch policy of ${name}`);
        return json(record);
      },
    },
    {
      ...adminRoute,
      id: 'sev-policies.set',
      methods: ['PUT'],
      path: target,
      summary: 'Set a launch policy, in the form of simple-kbs.',
      request: {
        body: Type.Object({
          allowed_digests: Type.Optional(Type.Array(Type.String())),
          allowed_policies: Type.Optional(Type.Array(Type.Integer())),
          min_fw_api_major: Type.Optional(Type.Integer()),
          min_fw_api_minor: Type.Optional(Type.Integer()),
          allowed_build_ids: Type.Optional(Type.Array(Type.Integer())),
        }),
      },
      responses: { 200: answers('the launch policy') },
      handle: async (call) => json(await sev.launchPolicies.set(param(call, 'target'), call.body, principalOf(call))),
    },
    {
      ...adminRoute,
      id: 'sev-policies.delete',
      methods: ['DELETE'],
      path: target,
      summary: 'Delete a launch policy.',
      responses: { 204: { description: 'deleted' } },
      handle: async (call) => {
        const name = param(call, 'target');
        if (!(await sev.launchPolicies.delete(name, principalOf(call)))) throw missing(`launch policy of ${name}`);
        return { status: 204 };
      },
    },
    {
      ...adminRoute,
      id: 'sev-report-keys.create',
      methods: ['PUT'],
      path: reportKey,
      summary:
        'Make the key that signs reports of this id; one that exists is replaced. Its private half never leaves.',
      responses: { 200: answers('id and public key') },
      handle: async (call) => json(await sev.reportKeys.create(param(call, 'id'), principalOf(call))),
    },
    {
      ...adminRoute,
      id: 'sev-report-keys.get',
      methods: ['GET'],
      path: reportKey,
      summary: 'Show the public half of a key that signs reports.',
      responses: { 200: answers('id and public key') },
      handle: async (call) => {
        const record = await sev.reportKeys.get(param(call, 'id'));
        if (record === undefined) throw missing(`report key ${param(call, 'id')}`);
        return json(record);
      },
    },
  ];
}

function missing(what: string): Error {
  return assayError('resource.object.present', { params: { resource: what, nearest: 'list what is there' } });
}
