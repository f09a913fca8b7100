/** GetSecret: what was launched is verified under the session's keys, and the secrets go to that launch alone. */
import { DecodeError, decodeBase64, encodeBase64 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import {
  type AuthenticLaunch,
  checkSevFirmware,
  checkSevPolicy,
  encodeSecretTable,
  LARGEST_SECRET,
  type LaunchClaims,
  type LaunchMeasurement,
  parseLaunchMeasurement,
  type SecretEntry,
  sealSecret,
  sevClaims,
  verifyLaunchMeasure,
} from '@assay/evidence/sev';
import type { Operation } from '@assay/storage';
import { judge, known } from './bundle.js';
import type { SecretCall, SecretReply } from './contract.js';
import { Course } from './course.js';
import type { LaunchFacts } from './facts.js';
import { DEFAULT_CONNECTION_HOURS, type SevParts } from './parts.js';
import { type LaunchSession, newUuid, parseUuid } from './records.js';
import { SevRefusal, Worded, worded } from './refusal.js';
import { parseSecretRequests, type SecretRequest } from './secret-request.js';

const METHOD = 'GetSecret';
const LONGEST_DESCRIPTION = 4096;
const CONNECTION_KEY = 32;

export async function getSecret(parts: SevParts, call: SecretCall): Promise<SecretReply> {
  const { metrics, records } = parts;
  metrics.attestationRequest();
  const course = new Course(parts, call.caller);
  let session: LaunchSession | undefined;
  try {
    const id = parseUuid(call.launchId);
    if (id === undefined) throw new Worded('Malformed Launch ID: not a UUID', unknownSession());
    // Taken before anything is looked at: whoever holds a session has one try, and whoever holds none learns nothing.
    session = await records.takeSession(id);
    if (session === undefined) throw new Worded(`Launch ID not found. UUID: ${id}`, unknownSession());
    course.belongsTo(session.attempt, session.key, session.startedAt);
    if (parts.now().getTime() >= Date.parse(session.deadline))
      throw new Worded(`Launch ID not found. UUID: ${id}`, unknownSession());
    course.passed('sev.launch.session', 'launch id');
    const reply = await answer(parts, call, session, course);
    metrics.attestationSuccess('sev');
    return reply;
  } catch (thrown) {
    if (session === undefined) metrics.attestationError();
    else metrics.attestationFailure('sev');
    const { error, text } = worded(known(thrown), 'Bad secret request: request not valid');
    await course.refuse(error).catch(() => undefined);
    throw new SevRefusal(error, text, course.attempt);
  } finally {
    session?.tek.fill(0);
    session?.tik.fill(0);
  }
}

async function answer(parts: SevParts, call: SecretCall, session: LaunchSession, course: Course): Promise<SecretReply> {
  const { audit, random, config } = parts;
  const { measurement, claims } = readLaunch(call);
  course.description = call.launchDescription;
  const requests = parseSecretRequests(call.secretRequests);
  const { finding, authentic } = verifyLaunchMeasure(session.tik, claims, measurement);
  judge(course, [finding], 'Measurement Verification Failed: HMAC does not verify');
  if (authentic === undefined) throw new Error('a measurement without a refusing finding is not authentic');
  judge(course, checkSevPolicy(authentic.policy, config.rules), 'Policy validation failed: policy not valid');
  judge(course, [checkSevFirmware(authentic, config.minApi)], 'Policy validation failed: fw api minor not valid');
  const launch = factsOf(authentic, session, call.launchDescription);
  course.claims = launch.claims;
  await parts.fulfilment.admit(launch, course);
  const operations: Operation[] = [];
  const entries: SecretEntry[] = [];
  for (const request of requests) {
    const payload = await payloadOf(parts, request, launch, session, course, operations);
    entries.push({ guid: request.guid, payload });
  }
  const table = pack(entries);
  const packet = sealSecret(session, authentic, table, random(16));
  for (const bytes of [table, ...entries.map(({ payload }) => payload)]) bytes.fill(0);
  // Nothing goes out unrecorded: attempt, releases and the connection are one write, before the answer.
  await audit.commit([
    ...course.attemptOperations('attested'),
    ...(await course.releaseOperations(METHOD)),
    ...operations,
  ]);
  return {
    attempt: course.attempt,
    launchSecretHeader: encodeBase64(packet.header),
    launchSecretData: encodeBase64(packet.data),
  };
}

/** Payload of one request; a connection is made on the way, to be stored with the rest. */
async function payloadOf(
  parts: SevParts,
  request: SecretRequest,
  launch: LaunchFacts,
  session: LaunchSession,
  course: Course,
  operations: Operation[],
): Promise<Uint8Array> {
  const { type } = request;
  if (type !== 'connection') return parts.fulfilment.payload({ ...request, type }, launch, course);
  const { records, random, now, config } = parts;
  const id = newUuid(random);
  const key = random(CONNECTION_KEY);
  const hours = config.connectionHours ?? DEFAULT_CONNECTION_HOURS;
  operations.push(
    await records.connectionOperation(id, {
      attempt: session.attempt,
      launch,
      expiresAt: new Date(now().getTime() + hours * 3_600_000).toISOString(),
      thumbprint: session.key,
      key,
    }),
  );
  const payload = Buffer.from(JSON.stringify({ client_id: id, key: encodeBase64(key) }));
  key.fill(0);
  return payload;
}

function factsOf(launch: AuthenticLaunch, session: LaunchSession, description: string): LaunchFacts {
  return {
    digest: encodeBase64(launch.digest),
    policy: launch.policy,
    api: launch.api,
    build: launch.build,
    description,
    claims: sevClaims(launch, session.platform),
  };
}

function readLaunch(call: SecretCall): { readonly measurement: LaunchMeasurement; readonly claims: LaunchClaims } {
  const { policy, apiMajor, apiMinor, buildId, launchDescription } = call;
  if (launchDescription.length > LONGEST_DESCRIPTION)
    throw badLaunch('LaunchDescription', `${launchDescription.length} characters`, `at most ${LONGEST_DESCRIPTION}`);
  const measurement = decoded('LaunchMeasurement', call.launchMeasurement, 48);
  const digest = decoded('FwDigest', call.fwDigest, 32);
  return {
    measurement: parseLaunchMeasurement(measurement),
    claims: { digest, policy, api: { major: apiMajor, minor: apiMinor }, build: buildId },
  };
}

function decoded(member: string, text: string, size: number): Uint8Array {
  const due = `base64 of ${size} bytes is due`;
  try {
    const bytes = decodeBase64(text.slice(0, 4 * size));
    if (bytes.length === size && text.length <= 4 * size) return bytes;
    throw badLaunch(member, `base64 of ${bytes.length} bytes`, due);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw badLaunch(member, 'not base64', due);
  }
}

function badLaunch(member: string, actual: string, expected: string): Worded {
  const error = assayError('sev.launch.form', {
    params: { member, actual, expected },
    subject: member,
    actual,
    expected,
  });
  return new Worded(`Bad secret request: ${member} not valid`, error);
}

function pack(entries: readonly SecretEntry[]): Uint8Array {
  let table: Uint8Array;
  try {
    table = encodeSecretTable(entries);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const params = { n: 1, member: 'Guid', actual: 'reserved', expected: 'another GUID than the table has' };
    throw new Worded('Failed to package secret: GUID not valid', assayError('sev.secret.request', { params }));
  }
  if (table.length <= LARGEST_SECRET) return table;
  const error = assayError('sev.secret.size', {
    params: { actual: table.length, limit: LARGEST_SECRET },
    actual: table.length,
    expected: LARGEST_SECRET,
  });
  throw new Worded('Failed to package secret: too large', error);
}

function unknownSession() {
  return assayError('sev.launch.session', { subject: 'launch id' });
}
