import { expect, test } from 'vitest';
import { AttesterError } from './attester-error.js';
import { detectAttester, detectDevices, unspokenDevices } from './detect.js';
import { FakeSystem, type FakeTsm } from './fake-system.test.helper.js';

const tsm = (provider: string): FakeTsm => ({ provider, report: () => Uint8Array.of(1) });
const platform = (system: FakeSystem, env: Record<string, string> = {}, arch = 'x64') => ({ system, env, arch });

test.each([
  ['tdx', new FakeSystem({}, tsm('tdx_guest')), 'x64'],
  ['tdx', new FakeSystem({ 'dev/tdx_guest': '', 'dev/attestation/attestation_type': 'dcap' }, tsm('tdx_guest')), 'x64'],
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

const noConfigfs = 'this kernel shows no configfs-tsm; mount configfs, or use Linux 6.7 or later';
const ioctl = 'need an ioctl, which Node.js has not; keep the Attestation Agent of Confidential Containers there';
// With a TPM beside it: that would be evidence of something else.
test.each([
  [`SGX in Occlum was detected, and cannot be spoken for: its quotes ${ioctl}`, {}, { OCCLUM: '' }],
  [`TDX was detected, and cannot be spoken for: ${noConfigfs}`, { 'dev/tdx_guest': '' }, {}],
  [`SNP was detected, and cannot be spoken for: ${noConfigfs}`, { 'sys/devices/platform/sev-guest': '' }, {}],
  [`CSV was detected, and cannot be spoken for: its reports ${ioctl}`, { 'dev/csv-guest': '' }, {}],
  [
    `IBM SE was detected, and cannot be spoken for: its requests ${ioctl}`,
    { 'sys/firmware/uv/prot_virt_guest': '1\n' },
    {},
  ],
  ['AA_TPM_AK_HANDLE must be a handle in hexadecimal', {}, { AA_TPM_AK_HANDLE: 'x' }],
] as const)('a TEE that cannot be spoken for is an error, not a sample: %s', async (message, files, env) => {
  const system = new FakeSystem({ ...files, 'dev/tpm0': '' });
  await expect(detectAttester(platform(system, env))).rejects.toThrow(new AttesterError(message));
});

test('a machine that could be of IBM SE and is not', async () => {
  const system = new FakeSystem({ 'sys/firmware/uv/prot_virt_guest': '0\n' });
  expect((await detectAttester(platform(system, {}, 's390x'))).tee).toBe('sample');
});

test('devices that are in no evidence are named', async () => {
  expect(await unspokenDevices(platform(new FakeSystem()))).toEqual([]);
  const system = new FakeSystem({ 'dev/nvidiactl': '', 'dev/mkfd': '' });
  expect(await unspokenDevices(platform(system))).toEqual(['an NVIDIA GPU', 'a Hygon DCU']);
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
