/** GetBundle: a platform shows its chain, and gets a session that only its firmware can open. */
import { generateKeyPairSync } from 'node:crypto';
import { DecodeError, decodeBase64, encodeBase64 } from '@assay/bytes';
import { AssayError, assayError, type FindingDraft, refuses } from '@assay/bytes/findings';
import {
  type AuthenticPlatform,
  checkSevPolicy,
  openSevSession,
  splitChain,
  verifySevChain,
} from '@assay/evidence/sev';
import { asKnownError } from '../protocol-fault.js';
import type { BundleCall, BundleReply } from './contract.js';
import { Course } from './course.js';
import { DEFAULT_SESSIONS_PER_PLATFORM, LONGEST_SESSION, MOST_SESSIONS, type SevParts } from './parts.js';
import { newUuid } from './records.js';
import { SevRefusal, Worded, worded } from './refusal.js';

const PREFIX = 'Failed to generate launch bundle: ';
/** Base64 of the longest chain, with room. */
const LONGEST_TEXT = 16 * 1024;

export async function getBundle(parts: SevParts, call: BundleCall): Promise<BundleReply> {
  const { metrics } = parts;
  metrics.authRequest();
  const course = new Course(parts, call.caller);
  try {
    const reply = await open(parts, call, course);
    metrics.authSuccess();
    return reply;
  } catch (thrown) {
    metrics.authError();
    const { error, text } = worded(thrown, 'request not valid');
    await course.refuse(error).catch(() => undefined);
    throw new SevRefusal(error, PREFIX + text, course.attempt);
  }
}

async function open(parts: SevParts, call: BundleCall, course: Course): Promise<BundleReply> {
  const { config, records, audit, now, random } = parts;
  // The cheap questions first: what refuses anyway costs no signature check.
  judge(course, checkSevPolicy(call.policy, config.rules), 'policy not valid');
  const platform = authenticate(parts, call.certificateChain, course);
  course.key = platform.pdhThumbprint;
  await checkCount(parts, platform.pdhThumbprint);
  const { privateKey: ephemeral } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const { godh, launchBlob, tek, tik } = openSevSession({ platform, policy: call.policy, ephemeral, random });
  const launchId = newUuid(random);
  const startedAt = now();
  const seconds = Math.min(config.sessionSeconds ?? LONGEST_SESSION, LONGEST_SESSION);
  course.startedAt = startedAt.toISOString();
  const session = await records.sessionOperations(launchId, {
    attempt: course.attempt,
    startedAt: course.startedAt,
    deadline: new Date(startedAt.getTime() + seconds * 1000).toISOString(),
    platform: { anchor: platform.anchor, chip: platform.chip },
    key: platform.pdhThumbprint,
    tek,
    tik,
  });
  tek.fill(0);
  tik.fill(0);
  await audit.commit([...course.attemptOperations('challenged', 'waiting for the launch measurement'), ...session]);
  return {
    attempt: course.attempt,
    guestOwnerPublicKey: encodeBase64(godh),
    launchBlob: encodeBase64(launchBlob),
    launchId,
  };
}

function authenticate({ config }: SevParts, text: string, course: Course): AuthenticPlatform {
  const files = decodeChain(text);
  const { findings, authentic } = verifySevChain(files, config.trust);
  if (authentic === undefined) {
    judge(course, findings, 'certificate chain not valid');
    throw new Error('a chain without a refusing finding is not authentic');
  }
  course.findings.push(...findings);
  return authentic;
}

function decodeChain(text: string): ReturnType<typeof splitChain> {
  try {
    if (text.length > LONGEST_TEXT) throw new DecodeError('chain', `${text.length} characters`);
    return splitChain(decodeBase64(text));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const what = error.reason.slice(0, 60);
    const refusal = assayError('sev.cert.form', {
      params: { cert: 'the chain', what },
      subject: 'chain',
      cause: error,
    });
    throw new Worded('certificate chain not valid', refusal);
  }
}

async function checkCount(parts: SevParts, platform: string): Promise<void> {
  const { sessions = MOST_SESSIONS, sessionsPerPlatform = DEFAULT_SESSIONS_PER_PLATFORM } = parts.config;
  await checkLimit(parts, sessions);
  await checkLimit(parts, sessionsPerPlatform, platform);
}

async function checkLimit({ records }: SevParts, wanted: number, platform?: string): Promise<void> {
  const limit = Math.min(wanted, MOST_SESSIONS);
  const actual = await records.openSessions(limit, platform);
  if (actual < limit) return;
  const error = assayError('sev.launch.limit', { params: { actual, limit }, actual, expected: limit });
  throw new Worded('too many open sessions', error);
}

/** Keeps the findings; the first refusing one ends the call. */
export function judge(course: Course, findings: readonly FindingDraft[], text: string): void {
  const first = findings.find(refuses);
  course.findings.push(...findings.filter((finding) => finding !== first));
  if (first !== undefined) throw new Worded(text, new AssayError(first));
}

/** For calls that fail below: an error of the register, whatever was thrown. */
export function known(thrown: unknown): unknown {
  return thrown instanceof Worded ? thrown : asKnownError(thrown);
}
