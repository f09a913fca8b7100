import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { kmsDrivers } from './drivers.js';

const folder = temporaryFolder('drivers-');

test('each provider reads its credentials from a folder of its own, or from the one that the environment names', async () => {
  const send = () => Promise.reject(new Error('nothing is to be sent'));
  const failures = async (env: Record<string, string>): Promise<readonly string[]> => {
    const drivers = kmsDrivers({ folder, env, send });
    const settings = {
      client_type: 'ecs_ram_role',
      region: 'eu-west-1',
      app_id: 'app',
      endpoint: 'https://ehsm.example',
    };
    const reference = { settings, annotations: { version_stage: '', version_id: '' } };
    const asked = [
      drivers['aliyun']?.getSecret?.('n', reference),
      drivers['aws']?.decrypt?.(new Uint8Array(), 'k', reference),
      drivers['ehsm']?.decrypt?.(Buffer.from('YQ=='), 'k', reference),
    ];
    const settled = await Promise.allSettled(asked);
    return settled.map((each) => (each.status === 'rejected' ? (each.reason as Error).message : 'answered'));
  };
  expect(Object.keys(kmsDrivers({ folder, env: {}, send }))).toEqual(['aliyun', 'aws', 'ehsm']);
  const [aliyun, aws, ehsm] = await failures({});
  expect(aliyun).toContain(join(folder, 'aliyun/ecsRamRole.json'));
  expect(aws).toContain(join(folder, 'aws/credential.json'));
  expect(ehsm).toContain(join(folder, 'ehsm/credential_app.json'));
  writeFileSync(join(folder, 'credential.json'), '{}');
  const other = await failures({
    ALIYUN_IN_GUEST_KEY_PATH: '/other/a',
    AWS_IN_GUEST_KEY_PATH: folder,
    EHSM_IN_GUEST_KEY_PATH: '/other/e',
  });
  expect(other[0]).toContain('/other/a/ecsRamRole.json');
  expect(other[1]).toContain(`${join(folder, 'credential.json')} must have`);
  expect(other[2]).toContain('/other/e/credential_app.json');
});
