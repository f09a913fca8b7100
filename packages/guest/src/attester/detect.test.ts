import { expect, test } from 'vitest';
import { detectAttester, detectDevices } from './detect.js';
import { FakeSystem, type FakeTsm } from './fake-system.test.helper.js';

const tsm = (provider: string): FakeTsm => ({ provider, report: () => Uint8Array.of(1) });
const platform = (system: FakeSystem, env: Record<string, string> = {}, arch = 'x64') => ({ system, env, arch });

test.each([
  ['tdx', new FakeSystem({}, tsm('tdx_guest')), 'x64'],
  ['tdx', new FakeSystem({ 'dev/tdx_guest': '', 'dev/attestation/attestation_type': 'dcap' }), 'x64'],
  ['sgx', new FakeSystem({ 'dev/attestation/attestation_type': 'dcap' }, tsm('sev_guest')), 'x64'],
  ['snp', new FakeSystem({ 'dev/tpm0': '' }, tsm('sev_guest')), 'x64'],
  ['cca', new FakeSystem({}, tsm('arm_cca_guest')), 'arm64'],
  ['tpm', new FakeSystem({ 'dev/tpm1': '' }), 'x64'],
  ['sample', new FakeSystem({}, tsm('arm_cca_guest')), 'x64'],
  ['sample', new FakeSystem({ 'dev/attestation/attestation_type': 'none' }), 'x64'],
  ['sample', new FakeSystem(), 'x64'],
])('detects %s', async (tee, system, arch) => {
  expect((await detectAttester(platform(system, {}, arch))).tee).toBe(tee);
});

test.each([
  [/SGX in Occlum/, new FakeSystem(), { OCCLUM: '' }],
  [/SNP/, new FakeSystem({ 'sys/devices/platform/sev-guest': '' }), {}],
  [/CSV/, new FakeSystem({ 'dev/csv-guest': '' }), {}],
  [/IBM SE/, new FakeSystem({ 'sys/firmware/uv/prot_virt_guest': '1\n' }), {}],
  [/AA_TPM_AK_HANDLE/, new FakeSystem({ 'dev/tpm0': '' }), { AA_TPM_AK_HANDLE: 'x' }],
] as const)('a TEE that this release cannot speak for is an error, not a sample: %s', async (message, system, env) => {
  await expect(detectAttester(platform(system, env))).rejects.toThrow(message);
});

test('a TPM may be named', async () => {
  const env = { AA_TPM_DEVICE: '/dev/tpm7', AA_TPM_AK_HANDLE: '0x81010002' };
  expect((await detectAttester(platform(new FakeSystem(), env))).tee).toBe('tpm');
});

test('the sample device is there where it is asked for', () => {
  expect(detectDevices(platform(new FakeSystem()))).toEqual([]);
  expect(detectDevices(platform(new FakeSystem(), { ENABLE_SAMPLE_DEVICE: '1' })).map(({ tee }) => tee)).toEqual([
    'sampledevice',
  ]);
});
