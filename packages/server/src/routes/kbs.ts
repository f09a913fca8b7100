import { encodeUtf8 } from '@assay/bytes';
import type { KeyBroker } from '@assay/kbs';
import Type from 'typebox';
import { type Call, param, principalOf, type Reply, type ResponseShape, type Route } from './route.js';

const error: ResponseShape = {
  description: 'Refused; `code` is one of the guest codes, `attempt` names the attempt to the owner.',
  contentType: 'application/json',
  schema: Type.Object({
    type: Type.String(),
    detail: Type.String(),
    code: Type.String(),
    attempt: Type.Optional(Type.String()),
  }),
};

const errors = { 401: error, 404: error, 413: error, 429: error, 503: error } as const;

/**
 * The KBS protocol, `/kbs/v0`. Built-in commands match on name and method; everything else is a plug-in's, and the
 * plug-in decides whether the call needs an admin or an attestation token.
 */
export function kbsRoutes(broker: KeyBroker): readonly Route[] {
  const common = { tag: 'kbs', errors: 'kbs' } as const;
  return [
    {
      ...common,
      id: 'kbs.auth',
      methods: ['POST'],
      path: '/kbs/v0/auth',
      access: 'public',
      summary: 'Begin the handshake: protocol version and TEE in, nonce and session cookie out.',
      request: { raw: '`Request` JSON of the KBS protocol' },
      responses: { 200: { description: '`Challenge`', contentType: 'application/json' }, ...errors },
      handle: async (call) => {
        const answer = await broker.auth({ body: call.body, caller: call.caller });
        return withCookie(answer);
      },
    },
    {
      ...common,
      id: 'kbs.attest',
      methods: ['POST'],
      path: '/kbs/v0/attest',
      access: 'session',
      summary: 'Give evidence for the nonce; get an attestation token.',
      request: { raw: '`Attestation` JSON of the protocol version that the session began with' },
      responses: { 200: { description: '`{"token": …}`', contentType: 'application/json' }, ...errors },
      handle: async (call) => {
        const answer = await broker.attest({ session: call.session, body: call.body, caller: call.caller });
        return withCookie(answer);
      },
    },
    {
      ...common,
      id: 'kbs.attestation-policy.set',
      methods: ['POST'],
      path: '/kbs/v0/attestation-policy',
      access: 'admin',
      summary: 'Set an attestation policy.',
      request: { raw: '`{"policy_id": …, "policy": "<base64url Rego>"}`' },
      responses: { 200: { description: 'stored' }, ...errors },
      handle: async (call) => {
        await broker.operations.setAttestationPolicy(call.body, principalOf(call));
        return {};
      },
    },
    {
      ...common,
      id: 'kbs.reference-value.get',
      methods: ['GET'],
      path: '/kbs/v0/reference-value/{name*}',
      access: 'admin',
      summary: 'Read a reference value.',
      responses: {
        200: { description: 'the value, `null` when there is none', contentType: 'application/json' },
        ...errors,
      },
      handle: async (call) => ({
        contentType: 'application/json',
        body: await broker.operations.referenceValue(param(call, 'name'), principalOf(call)),
      }),
    },
    {
      ...common,
      id: 'kbs.reference-value.register',
      methods: ['POST'],
      path: '/kbs/v0/reference-value',
      access: 'admin',
      summary: 'Register reference values with an RVPS message.',
      request: { raw: '`{"version": "0.1.0", "type": "sample", "payload": …}`' },
      responses: { 200: { description: 'registered' }, ...errors },
      handle: async (call) => {
        await broker.operations.registerReferenceValue(call.body, principalOf(call));
        return { contentType: 'application/json' };
      },
    },
    {
      ...common,
      id: 'kbs.resource-policy.set',
      methods: ['POST'],
      path: '/kbs/v0/resource-policy',
      access: 'admin',
      summary: 'Set the resource policy.',
      request: { raw: '`{"policy": "<base64url Rego>"}`' },
      responses: { 200: { description: 'stored' }, ...errors },
      handle: async (call) => {
        await broker.operations.setResourcePolicy(call.body, principalOf(call));
        return {};
      },
    },
    {
      ...common,
      id: 'kbs.resource-policy.ids',
      methods: ['GET'],
      path: '/kbs/v0/resource-policy',
      access: 'admin',
      summary: 'List ids of resource policies (upstream’s form: not the text).',
      responses: {
        200: { description: 'ids', contentType: 'application/json', schema: Type.Array(Type.String()) },
        ...errors,
      },
      handle: async () => ({
        contentType: 'application/json',
        body: JSON.stringify(await broker.resourcePolicies.ids()),
      }),
    },
    {
      ...common,
      id: 'kbs.plugin',
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
      path: '/kbs/v0/{path*}',
      access: 'plugin',
      summary:
        'Plug-ins; `resource/<repository>/<type>/<tag>` is always on: GET releases, POST stores, DELETE removes.',
      request: { raw: 'what the plug-in takes; for a resource the secret itself' },
      responses: {
        200: {
          description: 'flattened JWE to the attested key, or what the plug-in answers',
          contentType: 'application/json',
        },
        ...errors,
      },
      handle: (call) => pluginCall(broker, call),
    },
  ];
}

async function pluginCall(broker: KeyBroker, call: Call): Promise<Reply> {
  const answer = await broker.plugin({
    method: call.method,
    path: param(call, 'path'),
    query: call.query,
    body: call.body,
    session: call.session,
    authorization: call.authorization,
    uri: call.uri,
    caller: call.caller,
  });
  return {
    contentType: answer.contentType,
    body: answer.body,
    ...(answer.attempt === undefined ? {} : { attempt: answer.attempt }),
  };
}

function withCookie(answer: {
  readonly attempt: string;
  readonly body: string;
  readonly cookie: { readonly setCookie: string };
}): Reply {
  return {
    contentType: 'application/json',
    headers: { 'set-cookie': answer.cookie.setCookie },
    body: encodeUtf8(answer.body),
    attempt: answer.attempt,
  };
}
