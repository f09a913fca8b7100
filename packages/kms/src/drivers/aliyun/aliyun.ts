import { type KmsDriver, KmsError, type KmsReference } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { decryptByInstance, secretOfInstance } from './instance.js';
import { secretOfRegion } from './open-api.js';
import { roleSession, stsSession } from './session.js';

const CLIENT_TYPES = ['client_key', 'ecs_ram_role', 'sts_token'] as const;
type ClientType = (typeof CLIENT_TYPES)[number];

/**
 * Alibaba Cloud KMS by `client_type`: `client_key` speaks to a dedicated instance, which decrypts and keeps secrets; `ecs_ram_role` and
 * `sts_token` ask the shared KMS of a region, which gives secrets only.
 */
export function aliyunDriver(options: DriverOptions): KmsDriver {
  return {
    decrypt: async (ciphertext, keyId, reference) => {
      const type = clientTypeOf(reference);
      if (type !== 'client_key') throw new KmsError('settings', `Aliyun KMS: client_type ${type} decrypts nothing`);
      return decryptByInstance(options, ciphertext, keyId, reference);
    },
    getSecret: async (name, reference) => {
      const type = clientTypeOf(reference);
      if (type === 'client_key') return secretOfInstance(options, name, reference);
      const { credential, region } = await (type === 'sts_token' ? stsSession(reference) : roleSession(options));
      return secretOfRegion(options, credential, region, name, reference);
    },
  };
}

function clientTypeOf({ settings }: KmsReference): ClientType {
  const value = Object.hasOwn(settings, 'client_type') ? settings['client_type'] : undefined;
  const found = CLIENT_TYPES.find((type) => type === value);
  if (found === undefined)
    throw new KmsError('settings', `Aliyun KMS: provider_settings.client_type must be ${CLIENT_TYPES.join(', ')}`);
  return found;
}
