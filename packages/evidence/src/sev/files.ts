/** Verification of files, as `assay verify sev` does it: a platform chain, or a launch measurement with the key to check it. */
import { DecodeError, decodeHex, encodeHex, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { assembleVerdict, type FindingData, type FindingDraft, failed, type Verdict } from '@assay/bytes/findings';
import { verifySevChain } from './chain/chain.js';
import { CHAIN_ROLES, type ChainFiles, splitChain } from './chain/files.js';
import { type SevTrust, sevTrust, sevTrustIn } from './chain/roots.js';
import { type LaunchClaims, launchMeasure, verifyLaunchMeasure } from './launch/measure.js';

export interface SevFileOptions {
  /** Time of verification; nothing here ends by time. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** ARK files that are trusted instead of AMD's, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  /** ARK files of emulated hardware, by name. */
  readonly emulatedArks?: readonly Uint8Array[];
}

/** A verdict with the members that describe chain or launch beside it. */
export type SevFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `pdh`, `pek`, `oca`, `cek`, `ask`, `ark`, or `chain` with all of them; or `input`: JSON of a launch measurement
 *   (`tik`, `mnonce`, `digest`, `policy`, `measure` in hex; `api_major`, `api_minor`, `build`)
 * @throws RangeError when there is neither
 */
export function verifySevFiles(files: { readonly [role: string]: Uint8Array }, options: SevFileOptions): SevFileResult {
  const asOf = options.asOf ?? true;
  const { findings, members } =
    files['input'] === undefined ? verifyChainFiles(files, trustOf(options)) : verifyInput(files['input']);
  const verdict = assembleVerdict({ kind: 'sev', at: options.at, asOf, asked: false, findings });
  return { ...verdict, ...members } as SevFileResult;
}

interface Judged {
  readonly findings: readonly FindingDraft[];
  readonly members: JsonObject;
}

function trustOf({ roots, emulatedArks }: SevFileOptions): SevTrust {
  return roots === undefined ? sevTrust(emulatedArks) : sevTrustIn(roots);
}

function verifyChainFiles(files: { readonly [role: string]: Uint8Array }, trust: SevTrust): Judged {
  let chain: ChainFiles = Object.fromEntries(
    CHAIN_ROLES.flatMap((role) => (files[role] === undefined ? [] : [[role, files[role]]])),
  );
  const { chain: whole } = files;
  if (whole !== undefined) {
    try {
      chain = { ...splitChain(whole), ...chain };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { findings: [formFinding('chain', error.reason)], members: {} };
    }
  }
  if (Object.keys(chain).length === 0) throw new RangeError('neither a chain nor a launch measurement is given');
  const { findings, links, authorityAlgorithm, authentic } = verifySevChain(chain, trust);
  return {
    findings,
    members: {
      links: { ...links },
      ...(authorityAlgorithm === undefined ? {} : { ask_ark_algorithm: authorityAlgorithm }),
      ...(authentic === undefined
        ? {}
        : { root: authentic.anchor.name, pdh_thumbprint: authentic.pdhThumbprint, chip: authentic.chip }),
    },
  };
}

function formFinding(cert: string, what: string): FindingDraft {
  return failed('sev.cert.form', {
    subject: cert,
    params: { cert, what },
    actual: what,
    source: 'SEV API, appendix C',
    origin: { kind: 'spec', document: 'AMD 55766' },
  });
}

function verifyInput(bytes: Uint8Array): Judged {
  let read: ReturnType<typeof readInput>;
  try {
    read = readInput(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const facts = { member: 'input', actual: 'not as due', expected: error.message.slice(0, 60) };
    return { findings: [failed('sev.launch.form', { subject: 'input', params: facts })], members: {} };
  }
  const { tik, claims, mnonce, measure } = read;
  const { finding } = verifyLaunchMeasure(tik, claims, { measure, mnonce });
  return { findings: [finding], members: { measure: encodeHex(launchMeasure(tik, claims, mnonce)) } };
}

function readInput(bytes: Uint8Array) {
  const value = parseJsonStrict(bytes);
  if (!isJsonObject(value)) throw new DecodeError('launch', 'a JSON object is due');
  const hex = (name: string, size: number): Uint8Array => {
    const text = value[name];
    if (typeof text !== 'string' || text.length !== 2 * size)
      throw new DecodeError('launch', `${name}: ${2 * size} hex digits are due`);
    return decodeHex(text, { case: 'any' });
  };
  const byte = (name: string): number => {
    const number = value[name];
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 255)
      throw new DecodeError('launch', `${name}: 0 to 255 is due`);
    return number;
  };
  const policy = hex('policy', 4);
  const claims: LaunchClaims = {
    digest: hex('digest', 32),
    policy: new DataView(policy.buffer).getUint32(0, true),
    api: { major: byte('api_major'), minor: byte('api_minor') },
    build: byte('build'),
  };
  return { tik: hex('tik', 16), mnonce: hex('mnonce', 16), measure: hex('measure', 32), claims };
}
