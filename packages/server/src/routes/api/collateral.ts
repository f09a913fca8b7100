import type { KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import type { CollateralAdministration } from '../../compose/collateral.js';
import { json, jsonBody, principalOf, type Route } from '../route.js';
import { adminRoute, answers } from './common.js';

const Refresh = Type.Object(
  {
    tee: Type.Enum(['tdx', 'sgx']),
    fmspc: Type.String({
      pattern: '^[0-9a-f]{12}$',
      description: 'Family, model and stepping of the machine: 6 bytes in hex.',
    }),
    ca: Type.Enum(['platform', 'processor'], { description: 'Issuer of the machine’s PCK certificate.' }),
  },
  { additionalProperties: false },
);

/** What hardware vendors have said: what is kept, until when, and bundles for servers that cannot reach them. */
export function collateralRoutes(broker: KeyBroker, collateral: CollateralAdministration): readonly Route[] {
  return [
    {
      ...adminRoute,
      id: 'collateral.status',
      methods: ['GET'],
      path: '/api/v1/collateral',
      summary: 'What is kept of vendors’ statements, by what ends first.',
      responses: { 200: answers('items, and the key that signs this server’s bundles') },
      handle: async () => json(await collateral.status()),
    },
    {
      ...adminRoute,
      id: 'collateral.export',
      methods: ['POST'],
      path: '/api/v1/collateral/export',
      summary: 'Everything that is kept, as a signed bundle.',
      responses: { 200: answers('the bundle') },
      handle: async () => ({ contentType: 'application/json', body: await collateral.export() }),
    },
    {
      ...adminRoute,
      id: 'collateral.import',
      methods: ['POST'],
      path: '/api/v1/collateral/import',
      summary: 'Take a bundle of a known exporter; each record is verified like a fetched one.',
      request: { raw: 'the bundle' },
      bodyLimit: 64 * 1024 * 1024,
      responses: { 200: answers('how many records were taken, and what is wrong with the others') },
      handle: async (call) => {
        const report = await collateral.import(call.body);
        await broker.operations.record({ act: 'collateral.import', object: report.exporter }, principalOf(call));
        return json(report);
      },
    },
    {
      ...adminRoute,
      id: 'collateral.refresh',
      methods: ['POST'],
      path: '/api/v1/collateral/refresh',
      summary: 'Fetch what quotes of a machine type need, now.',
      request: { body: Refresh },
      responses: { 200: answers('whether everything is there, and what went wrong') },
      handle: async (call) => {
        const body = jsonBody(call, Refresh);
        const report = await collateral.refresh(body);
        await broker.operations.record(
          { act: 'collateral.refresh', object: `${body.tee}/${body.fmspc}` },
          principalOf(call),
        );
        return json(report);
      },
    },
  ];
}
