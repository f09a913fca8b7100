import { join } from 'node:path';
import { KmsError, type KmsReference } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { credentialFile, credentialTexts, jsonAnswer, textSetting, textsOf } from '../read.js';
import { REGION_ID, type SessionCredential } from './open-api.js';

const PROVIDER = 'Aliyun KMS';
/** Address of the metadata service within an ECS instance. */
const METADATA = '100.100.100.200';
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** An absolute path without `.` and `..`. */
const TOKEN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]{1,255}){1,32}$/;

/** A session and the region that it is used in. */
export interface Session {
  readonly credential: SessionCredential;
  readonly region: string;
}

/** `client_type` `sts_token`: settings `token_path`, a file `AK:SK:STS`, and `region_id`. @throws KmsError */
export async function stsSession(reference: KmsReference): Promise<Session> {
  const path = textSetting(reference, PROVIDER, 'token_path', TOKEN_PATH);
  const region = textSetting(reference, PROVIDER, 'region_id', REGION_ID);
  const text = Buffer.from(await credentialFile(path, PROVIDER)).toString('utf8');
  const [accessKeyId = '', accessKeySecret = '', securityToken = '', ...more] = text.trimEnd().split(':');
  if (more.length > 0 || [accessKeyId, accessKeySecret, securityToken].some((part) => !/^[\x21-\x7e]+$/.test(part)))
    throw new KmsError('settings', `${PROVIDER}: ${path} is not ID:SECRET:TOKEN`);
  return { credential: { accessKeyId, accessKeySecret, securityToken }, region };
}

/**
 * `client_type` `ecs_ram_role`: file `ecsRamRole.json` = `{"ecs_ram_role_name", "region_id"}`; the key comes from the metadata
 * service of the instance.
 *
 * @throws KmsError
 */
export async function roleSession({ folder, send, now }: DriverOptions): Promise<Session> {
  const path = join(folder, 'ecsRamRole.json');
  const role = await credentialTexts(path, PROVIDER, ['ecs_ram_role_name', 'region_id'] as const);
  if (!ROLE.test(role.ecs_ram_role_name) || !REGION_ID.test(role.region_id))
    throw new KmsError('settings', `${PROVIDER}: ${path}: not the names of a role and a region`);
  const { status, body } = await send({
    scheme: 'http',
    host: METADATA,
    method: 'GET',
    path: `/latest/meta-data/ram/security-credentials/${role.ecs_ram_role_name}`,
    headers: {},
  });
  const what = `${PROVIDER}: metadata service`;
  if (status !== 200) throw new KmsError('refused', `${what} answered ${status} for the role`);
  const answer = jsonAnswer(body, what);
  const texts = textsOf(answer, ['AccessKeyId', 'AccessKeySecret', 'SecurityToken'] as const);
  if (texts === undefined) throw new KmsError('answer', `${what}: no key of a session in the answer`);
  const { Expiration: end } = answer;
  if (typeof end === 'string' && Date.parse(end) <= now().getTime())
    throw new KmsError('refused', `${what}: the key of the session has expired`);
  return {
    credential: {
      accessKeyId: texts.AccessKeyId,
      accessKeySecret: texts.AccessKeySecret,
      securityToken: texts.SecurityToken,
    },
    region: role.region_id,
  };
}
