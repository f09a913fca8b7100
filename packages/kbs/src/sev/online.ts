/** GetOnlineSecret: a guest that got a connection at its launch asks for more, and every policy is asked again. */
import { createCipheriv } from 'node:crypto';
import { encodeBase64 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { encodeBincodeMap } from './bincode.js';
import { known } from './bundle.js';
import type { OnlineSecretCall, OnlineSecretReply } from './contract.js';
import { Course } from './course.js';
import type { SevParts } from './parts.js';
import { type Connection, parseUuid } from './records.js';
import { SevRefusal, Worded, worded } from './refusal.js';
import { parseSecretRequests, type SecretRequest } from './secret-request.js';

const METHOD = 'GetOnlineSecret';
/** Below the largest message that gRPC's default lets a guest read, also in base64. */
const LARGEST_PAYLOAD = 3 * 1024 * 1024;

export async function getOnlineSecret(parts: SevParts, call: OnlineSecretCall): Promise<OnlineSecretReply> {
  const course = new Course(parts, call.caller);
  let connection: Connection | undefined;
  try {
    connection = await find(parts, call.clientId);
    course.belongsTo(connection.attempt, connection.thumbprint);
    course.passed('sev.connection.known', 'connection');
    return await answer(parts, call, connection, course);
  } catch (thrown) {
    const { error, text } = worded(known(thrown), 'Bad secret request: request not valid');
    const recorded =
      connection === undefined ? course.refuse(error) : course.refuseRelease(error, METHOD, resourcesOf(call));
    await recorded.catch(() => undefined);
    throw new SevRefusal(error, text, course.attempt);
  } finally {
    connection?.key.fill(0);
  }
}

async function find({ records, now }: SevParts, clientId: string): Promise<Connection> {
  const id = parseUuid(clientId);
  if (id === undefined) throw new Worded('Malformed Client ID: not a UUID', unknownConnection());
  const connection = await records.connection(id);
  if (connection === undefined || now().getTime() >= Date.parse(connection.expiresAt))
    throw new Worded(`Connection not found: ${id}`, unknownConnection());
  return connection;
}

async function answer(
  { fulfilment, audit, random }: SevParts,
  call: OnlineSecretCall,
  { launch, key }: Connection,
  course: Course,
): Promise<OnlineSecretReply> {
  const requests = parseSecretRequests(call.secretRequests);
  const entries: [string, Uint8Array][] = [];
  for (const request of requests)
    entries.push([request.guid, await fulfilment.payload(stored(request), launch, course)]);
  const plain = encodeBincodeMap(entries);
  if (plain.length > LARGEST_PAYLOAD) {
    const params = { actual: plain.length, limit: LARGEST_PAYLOAD };
    throw new Worded('Failed to encrypt secret: too large', assayError('sev.secret.size', { params }));
  }
  const iv = random(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const payload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  for (const bytes of [plain, ...entries.map(([, bytes]) => bytes)]) bytes.fill(0);
  await audit.commit(await course.releaseOperations(METHOD));
  return { attempt: course.attempt, payload: encodeBase64(payload), iv: encodeBase64(iv) };
}

/** A connection begets no other: it would outlive the first. */
function stored(
  request: SecretRequest,
): SecretRequest & { readonly type: Exclude<SecretRequest['type'], 'connection'> } {
  const { type } = request;
  if (type !== 'connection') return { ...request, type };
  const params = { n: 1, member: 'SecretType', actual: '`connection`', expected: 'bundle, key, resource or report' };
  throw new Worded('Bad secret request: Unknown Secret Type', assayError('sev.secret.request', { params }));
}

function resourcesOf({ secretRequests }: OnlineSecretCall): string {
  return secretRequests
    .map(({ secretType, id }) => `${secretType}/${id}`)
    .join(', ')
    .slice(0, 1024);
}

function unknownConnection() {
  return assayError('sev.connection.known', { subject: 'connection' });
}
