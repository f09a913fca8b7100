import type { TSchema } from 'typebox';
import Type from 'typebox';
import type { RequestShape, ResponseShape, Route } from '../routes/route.js';

/** RFC 9457 problem document, as every `/api` refusal. */
export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String({ description: 'Id of the error register.' }),
  remedy: Type.String(),
  attempt: Type.Optional(Type.String()),
  findings: Type.Optional(Type.Array(Type.Unknown())),
});

const problem: ResponseShape = {
  description: 'Refused.',
  contentType: 'application/problem+json',
  schema: ProblemSchema,
};

/** The OpenAPI 3.1 document of a route table. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/\{([a-z_]+)\*\}/g, '{$1}');
    const item = paths[path] ?? {};
    paths[path] = item;
    for (const method of route.methods) item[method.toLowerCase()] = operation(route, method);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Assay',
      version,
      description: 'Remote attestation and key brokering for confidential containers.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [
      { name: 'kbs', description: 'Key Broker Service protocol, as Confidential Containers guests speak it.' },
      { name: 'admin', description: 'Administration and audit.' },
      { name: 'attestation-service', description: 'Attestation Service, REST face.' },
      { name: 'operations', description: 'Health, metrics, keys, this document.' },
    ],
    paths,
    components: {
      securitySchemes: {
        admin: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Admin token; `assay login` makes one.',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'kbs-session-id' },
        attestation: { type: 'http', scheme: 'bearer', bearerFormat: 'EAR', description: 'Attestation token.' },
      },
    },
  };
}

function operation(route: Route, method: string): object {
  const suffix = route.methods.length > 1 ? `.${method.toLowerCase()}` : '';
  const parameters = [...pathParameters(route.path), ...queryParameters(route.request)];
  return {
    operationId: `${route.id}${suffix}`,
    tags: [route.tag],
    summary: route.summary,
    security: security(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody(route.request, method),
    responses: responses(route),
  };
}

function security(route: Route): readonly object[] {
  switch (route.access) {
    case 'public':
      return [];
    case 'session':
      return [{ session: [] }];
    case 'plugin':
      return [{ session: [] }, { attestation: [] }, { admin: [] }];
    case 'admin':
      return [{ admin: [] }];
  }
}

function pathParameters(path: string): readonly object[] {
  return [...path.matchAll(/\{([a-z_]+)\*?\}/g)].map(([whole, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    ...(whole.includes('*') ? { description: 'Rest of the path; may hold slashes.' } : {}),
  }));
}

function queryParameters(request: RequestShape | undefined): readonly object[] {
  return Object.entries(request?.query ?? {}).map(([name, { description, schema }]) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema,
  }));
}

function requestBody(request: RequestShape | undefined, method: string): object {
  if (method === 'GET' || method === 'DELETE') return {};
  if (request?.body !== undefined)
    return { requestBody: { required: true, content: content('application/json', request.body) } };
  if (request?.raw === undefined) return {};
  return {
    requestBody: { required: true, description: request.raw, content: { 'application/octet-stream': {} } },
  };
}

function responses(route: Route): object {
  const withDefault: Record<string, ResponseShape> = { ...route.responses };
  if (route.errors === 'problem') withDefault['default'] = problem;
  return Object.fromEntries(
    Object.entries(withDefault).map(([status, shape]) => [
      status,
      {
        description: shape.description,
        ...(shape.contentType === undefined ? {} : { content: content(shape.contentType, shape.schema) }),
      },
    ]),
  );
}

function content(type: string, schema: TSchema | undefined): object {
  return { [type]: schema === undefined ? {} : { schema } };
}
