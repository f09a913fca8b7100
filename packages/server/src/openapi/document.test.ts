import { describe, expect, test } from 'vitest';
import { documentedRoutes } from '../routes/reference.js';
import { openApiDocument } from './document.js';
import { apiPage, escapeHtml } from './page.js';

interface Operation {
  readonly operationId: string;
  readonly tags: string[];
  readonly summary: string;
  readonly security: Record<string, string[]>[];
  readonly parameters?: {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, unknown> }>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly license: object };
  readonly tags: { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly securitySchemes: Record<string, Record<string, string>> };
}

const routes = documentedRoutes();
// As it goes over the wire: schemas lose what is not JSON.
const document = JSON.parse(JSON.stringify(openApiDocument(routes, '1.2.3'))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

// The rules of the OpenAPI Specification 3.1.0, sections 4.8.1 to 4.8.27, as far as this document uses them.
describe('the OpenAPI document', () => {
  test('has what the root object must have', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Assay', version: '1.2.3', license: { identifier: 'Apache-2.0' } });
    expect(Object.keys(document.components.securitySchemes)).toEqual(['admin', 'session', 'attestation']);
    for (const scheme of Object.values(document.components.securitySchemes)) {
      expect(['http', 'apiKey']).toContain(scheme['type']);
      expect(scheme['type'] === 'http' ? scheme['scheme'] : scheme['in']).toMatch(/^(bearer|cookie)$/);
    }
  });

  test('holds every method of every route once', () => {
    const wanted = routes.flatMap(({ path, methods }) =>
      methods.map((method) => `${method} ${path.replaceAll('*}', '}')}`),
    );
    expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(wanted.sort());
    expect(new Set(wanted).size).toBe(wanted.length);
  });

  test('gives each operation an id of its own, a known tag and a summary', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations) {
      expect(operation.operationId).toMatch(/^[a-z0-9.-]+$/);
      for (const tag of operation.tags) expect(tags).toContain(tag);
      expect(operation.summary.length).toBeGreaterThan(10);
    }
  });

  test.each(operations.map(({ path, method, operation }) => [`${method} ${path}`, path, method, operation] as const))(
    '%s is well formed',
    (_name, path, method, operation) => {
      expect(path.startsWith('/')).toBe(true);
      expect(['get', 'put', 'post', 'delete']).toContain(method);
      const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
      const parameters = operation.parameters ?? [];
      expect(parameters.filter((p) => p.in === 'path').map((p) => p.name)).toEqual(named);
      expect(new Set(parameters.map((p) => `${p.in} ${p.name}`)).size).toBe(parameters.length);
      for (const parameter of parameters) {
        expect(parameter.required).toBe(parameter.in === 'path');
        expect(typeof parameter.schema).toBe('object');
      }
      if (method === 'get' || method === 'delete') expect(operation.requestBody).toBeUndefined();
      else if (operation.requestBody !== undefined) expect(Object.keys(operation.requestBody.content)).toHaveLength(1);
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^([1-5]\d\d|default)$/);
        expect(response.description).not.toBe('');
        for (const type of Object.keys(response.content ?? {})) expect(type).toMatch(/^[a-z]+\/[a-z.+-]+$/);
      }
      for (const requirement of operation.security)
        for (const [name, scopes] of Object.entries(requirement)) {
          expect(document.components.securitySchemes).toHaveProperty(name);
          expect(scopes).toEqual([]);
        }
    },
  );

  test('asks for the credentials that the mount asks for', () => {
    const wanted = {
      public: [],
      session: [{ session: [] }],
      plugin: [{ session: [] }, { attestation: [] }, { admin: [] }],
      admin: [{ admin: [] }],
    } as const;
    for (const route of routes)
      for (const method of route.methods)
        expect(
          document.paths[route.path.replaceAll('*}', '}')]?.[method.toLowerCase()]?.security,
          `${method} ${route.path}`,
        ).toEqual(wanted[route.access]);
  });

  test('everything that changes something asks for an administrator, a session or a plug-in’s rule', () => {
    const open = routes.filter((route) => route.access === 'public' && route.methods.some((m) => m !== 'GET'));
    // The handshake's first step, what the Attestation Service's REST face offers to anybody, and the enrolment of TPMs where it is open to guests.
    expect(open.map((route) => route.path).sort()).toEqual([
      '/attestation',
      '/challenge',
      '/kbs/v0/auth',
      '/kbs/v0/tpm/answer',
      '/kbs/v0/tpm/challenge',
    ]);
  });
});

test('the page names every route and runs nothing', () => {
  const page = apiPage(routes, '1.2.3');
  for (const route of routes) expect(page).toContain(`id="${route.id}"`);
  expect(page).not.toMatch(/<script|javascript:|\son[a-z]+=|https?:\/\//i);
  expect(escapeHtml('<a href="x">&</a>')).toBe('&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;');
});
