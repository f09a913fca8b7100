import { encodeHex } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  AttestationRequestSchema,
  AttestationService,
  BundleRequestSchema,
  BundleResponseSchema,
  create,
  grpcServiceDefinition,
  Health,
  HealthCheckResponseSchema,
  KbsPlugin,
  KeyBrokerService,
  OnlineSecretRequestSchema,
  PluginRequestSchema,
  ReferenceValueProviderService,
  ReferenceValueQueryResponseSchema,
  SecretRequestSchema,
} from './index.js';

test('paths and kinds of every method', () => {
  const services = [AttestationService, ReferenceValueProviderService, KbsPlugin, KeyBrokerService, Health];
  const methods = services.flatMap((service) =>
    Object.entries(grpcServiceDefinition(service)).map(([name, method]) => {
      const { path, originalName, responseStream, requestStream } = method as { [member: string]: unknown };
      return `${name} ${originalName} ${path}${requestStream || responseStream ? ' streams' : ''}`;
    }),
  );
  expect(methods).toEqual([
    'attestationEvaluate AttestationEvaluate /attestation.AttestationService/AttestationEvaluate',
    'setAttestationPolicy SetAttestationPolicy /attestation.AttestationService/SetAttestationPolicy',
    'getAttestationChallenge GetAttestationChallenge /attestation.AttestationService/GetAttestationChallenge',
    'queryReferenceValue QueryReferenceValue /reference.ReferenceValueProviderService/QueryReferenceValue',
    'registerReferenceValue RegisterReferenceValue /reference.ReferenceValueProviderService/RegisterReferenceValue',
    'handle Handle /kbs.plugin.v1.KbsPlugin/Handle',
    'validateAuth ValidateAuth /kbs.plugin.v1.KbsPlugin/ValidateAuth',
    'needsEncryption NeedsEncryption /kbs.plugin.v1.KbsPlugin/NeedsEncryption',
    'getBundle GetBundle /keybroker.KeyBrokerService/GetBundle',
    'getSecret GetSecret /keybroker.KeyBrokerService/GetSecret',
    'getOnlineSecret GetOnlineSecret /keybroker.KeyBrokerService/GetOnlineSecret',
    'check Check /grpc.health.v1.Health/Check',
    'watch Watch /grpc.health.v1.Health/Watch streams',
  ]);
});

test('field numbers of an evaluation, byte by byte', () => {
  const { attestationEvaluate } = grpcServiceDefinition(AttestationService);
  const message = create(AttestationRequestSchema, {
    verificationRequests: [
      {
        tee: 'tdx',
        evidence: 'e',
        runtimeData: { case: 'structuredRuntimeData', value: '{}' },
        initData: { case: 'initDataToml', value: 't' },
        runtimeDataHashAlgorithm: 'h',
      },
    ],
    policyIds: ['p'],
  });
  const bytes = attestationEvaluate.requestSerialize(message);
  //           1: { 1 "tdx"    3 "e"  5 "{}"   7 "t"  8 "h" } 2 "p"
  expect(encodeHex(bytes)).toBe('0a12' + '0a03746478' + '1a0165' + '2a027b7d' + '3a0174' + '420168' + '120170');
  expect(attestationEvaluate.requestDeserialize(bytes)).toEqual(message);
});

test('the other members of the oneofs, a plug-in request, and an unset value', () => {
  const { attestationEvaluate } = grpcServiceDefinition(AttestationService);
  const message = create(AttestationRequestSchema, {
    verificationRequests: [
      { runtimeData: { case: 'rawRuntimeData', value: 'r' }, initData: { case: 'initDataDigest', value: 'd' } },
    ],
  });
  expect(encodeHex(attestationEvaluate.requestSerialize(message))).toBe('0a06' + '220172' + '320164');
  const request = create(PluginRequestSchema, {
    body: Uint8Array.of(1),
    query: { k: 'v' },
    path: ['a', 'b'],
    method: 'GET',
  });
  expect(encodeHex(grpcServiceDefinition(KbsPlugin).handle.requestSerialize(request))).toBe(
    '0a0101' + '12060a016b120176' + '1a0161' + '1a0162' + '2203474554',
  );
  const { queryReferenceValue } = grpcServiceDefinition(ReferenceValueProviderService);
  expect(queryReferenceValue.responseSerialize(create(ReferenceValueQueryResponseSchema))).toHaveLength(0);
  expect(queryReferenceValue.responseDeserialize(Buffer.from([0x0a, 0])).referenceValueResults).toBe('');
  expect(queryReferenceValue.responseDeserialize(Buffer.alloc(0)).referenceValueResults).toBeUndefined();
});

test('field numbers of the SEV key broker, byte by byte', () => {
  const { getBundle, getSecret, getOnlineSecret } = grpcServiceDefinition(KeyBrokerService);
  const bundle = create(BundleRequestSchema, { certificateChain: 'c', policy: 7 });
  expect(encodeHex(getBundle.requestSerialize(bundle))).toBe('0a0163' + '1007');
  const answer = create(BundleResponseSchema, { guestOwnerPublicKey: 'g', launchBlob: 'b', launchId: 'i' });
  expect(encodeHex(getBundle.responseSerialize(answer))).toBe('0a0167' + '120162' + '1a0169');
  const details = { guid: 'g', format: 'f', secretType: 't', id: 'i' };
  const request = create(SecretRequestSchema, {
    launchMeasurement: 'm',
    launchId: 'l',
    policy: 1,
    apiMajor: 2,
    apiMinor: 3,
    buildId: 4,
    fwDigest: 'd',
    launchDescription: 's',
    secretRequests: [details],
  });
  const wanted = '0a0167' + '120166' + '1a0174' + '220169';
  expect(encodeHex(getSecret.requestSerialize(request))).toBe(`0a016d12016c18012002280330043a01644201734a0c${wanted}`);
  const online = create(OnlineSecretRequestSchema, { clientId: 'c', secretRequests: [details] });
  expect(encodeHex(getOnlineSecret.requestSerialize(online))).toBe(`0a0163120c${wanted}`);
});

test('health status is one varint, as the enum of the protocol', () => {
  const bytes = grpcServiceDefinition(Health).check.responseSerialize(create(HealthCheckResponseSchema, { status: 1 }));
  expect(encodeHex(bytes)).toBe('0801');
});

test('fuzz: any bytes give a message or an error, in bounded time', () => {
  const definition = grpcServiceDefinition(AttestationService).attestationEvaluate;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        const message = definition.requestDeserialize(Buffer.from(bytes));
        definition.requestDeserialize(definition.requestSerialize(message));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
