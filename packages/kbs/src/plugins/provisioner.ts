/**
 * Keys of confidential VMs' root disks: made here at the administrator's word, released to the guest whose init-data names
 * exactly this key.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type KeyManagement, open, seal } from '@assay/kms';
import type { Operation, Storage } from '@assay/storage';
import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import { parseBody } from '../protocol-fault.js';
import type { AdminPrincipal } from '../types.js';
import type { Plugin, PluginAnswer, PluginCaller, PluginRequest } from './plugin.js';
import { isUuid, uuidV5 } from './uuid.js';

const NS = 'provisioner';
/** UUIDv5 of `provisioner_plugin` in the URL namespace: what upstream's ids are made in. */
const UUID_NAMESPACE = 'feab5599-6854-52bc-95f0-0241c03e620a';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BODY_LIMITS = { bytes: 4096, depth: 4 };
const LONGEST_NAME = 253;

export interface ProvisionerOptions {
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly audit: AuditLog;
  readonly random: (bytes: number) => Uint8Array;
  /** Characters of a key, 16 to 512. */
  readonly keyLength: number;
}

export function provisionerPlugin(options: ProvisionerOptions): Plugin {
  return {
    name: 'provisioner',
    requiresAdmin: ({ method }) => method !== 'GET',
    encrypted: ({ method }) => method === 'GET',
    handle: (request, caller) => handle(options, request, caller),
  };
}

async function handle(
  options: ProvisionerOptions,
  request: PluginRequest,
  caller: PluginCaller,
): Promise<PluginAnswer> {
  const { method, path, body } = request;
  const [first, second, third] = path;
  if (caller.kind === 'admin') {
    if (method === 'POST' && path.length === 1 && first === 'provision')
      return answer(await provision(options, body, caller.principal));
    if (method === 'DELETE' && path.length === 2 && first === 'provision' && second !== undefined)
      return answer(await remove(options, second, caller.principal));
  } else if (path.length === 3 && first === 'default' && second !== undefined && third === 'root') {
    return release(options, second, caller.initData);
  }
  throw assayError('request.path.known', {
    params: { method, path: `provisioner/${path.join('/')}`.slice(0, 80) },
    subject: 'provisioner',
  });
}

/** Idempotent: the same VM keeps its key. */
async function provision(options: ProvisionerOptions, body: Uint8Array, by: AdminPrincipal): Promise<JsonObject> {
  const { storage, kms, audit, random, keyLength } = options;
  const { vm, namespace } = readBody(parseBody(body, 'provision', BODY_LIMITS));
  const uuid = uuidV5(UUID_NAMESPACE, `${namespace}/${vm}`);
  if ((await storage.get(NS, uuid)) === undefined) {
    const text = `version = "0.1.0"\n\n[data]\n"io.cryptsetup.key.text.root" = "${newKey(keyLength, random)}"\n`;
    const value = await seal(kms, Buffer.from(text), { ns: NS, key: uuid }, random);
    const act = { by: actor(by), act: 'provisioner.provision', object: `${namespace}/${vm}` };
    // Whoever comes second finds the first one's key.
    await storage.transact([{ op: 'put', ns: NS, key: uuid, value, ifAbsent: true }, audit.actOperation(act)]);
  }
  return { uuid, resource_path: `default/${uuid}/root` };
}

async function remove(options: ProvisionerOptions, uuid: string, by: AdminPrincipal): Promise<JsonObject> {
  requireUuid(uuid);
  const operations: Operation[] = [
    { op: 'delete', ns: NS, key: uuid },
    options.audit.actOperation({ by: actor(by), act: 'provisioner.delete', object: uuid }),
  ];
  await options.audit.commit(operations);
  return { status: 'deleted' };
}

/** Only to a guest that was launched for this key: its init-data, which the evidence binds, must name it. */
async function release(
  options: ProvisionerOptions,
  uuid: string,
  initData: JsonValue | undefined,
): Promise<PluginAnswer> {
  requireUuid(uuid);
  const path = `default/${uuid}/root`;
  const wanted = `kbs+provisioner:///${path}`;
  const named = isJsonObject(initData) ? initData['trustee.kbs.resource'] : undefined;
  if (named !== wanted) {
    const why = named === undefined ? 'init-data names no key' : 'init-data names another key';
    throw assayError('resource.policy.allows', {
      params: { resource: `provisioner/${path}`, location: 'plug-in provisioner', why },
      subject: path,
      expected: wanted,
      actual: typeof named === 'string' ? named : null,
    });
  }
  const entry = await options.storage.get(NS, uuid);
  if (entry === undefined) {
    throw assayError('resource.object.present', {
      params: { resource: `provisioner/${path}`, nearest: 'it was not provisioned, or deleted' },
      subject: path,
      actual: null,
    });
  }
  const body = await open(options.kms, entry.value, { ns: NS, key: uuid });
  return { body, version: entry.version, secret: `provisioner/${uuid}/root` };
}

function readBody(body: JsonValue): { vm: string; namespace: string } {
  const vm = isJsonObject(body) ? body['vm_name'] : undefined;
  const namespace = isJsonObject(body) ? (body['namespace'] ?? 'default') : undefined;
  if (!isName(vm)) throw malformed('vm_name', vm);
  if (!isName(namespace)) throw malformed('namespace', namespace);
  return { vm, namespace };
}

/** Kubernetes' names: without a slash, since `<namespace>/<vm>` must name one VM. */
function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length <= LONGEST_NAME && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value);
}

function malformed(member: string, value: JsonValue | undefined): AssayError {
  return assayError('request.body.form', {
    params: {
      path: 'provision',
      member: `/${member}`,
      actual: value === undefined ? 'absent' : `a ${typeof value} that is no name`,
      expected: `1 to ${LONGEST_NAME} letters, digits, dots, underscores and dashes`,
    },
  });
}

function requireUuid(uuid: string): void {
  if (isUuid(uuid)) return;
  throw assayError('resource.name.form', {
    params: { path: 'provisioner', n: 2, segment: uuid.slice(0, 40), why: 'is not a UUID in lower case' },
  });
}

/** Letters and digits, each as likely as the other. */
function newKey(length: number, random: (bytes: number) => Uint8Array): string {
  let key = '';
  while (key.length < length) {
    for (const byte of random(length)) {
      // 248 is the largest multiple of 62 in a byte: beyond it the first letters would be likelier.
      if (byte < 248 && key.length < length) key += ALPHABET[byte % ALPHABET.length];
    }
  }
  return key;
}

function answer(body: JsonObject): PluginAnswer {
  return { body: Buffer.from(JSON.stringify(body)) };
}
