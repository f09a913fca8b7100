import { isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { FindingId, Problem } from '@assay/bytes/findings';
import { type CcKbc, KbcError, type Transport } from '@assay/guest';
import { decryptJwe, ProtocolError, parseResourceUri, parseResponse, type TeeKeyPair } from '@assay/protocol';
import {
  emulatedAttester,
  INTEL_DEFECTS,
  type IntelDefectParts,
  type TdxOverrides,
  type TestWorld,
  tdxOverrides,
} from '@assay/soft-tee';
import { createKbc, newKeyPair } from '../client/broker.js';
import { CliError } from '../exit.js';
import type { Reason } from './why.js';
import { type DemoWorld, REVOKED_MACHINE, tapped } from './world.js';

/** What a guest with bad intentions was told, and where the owner reads more. */
export interface Refusal {
  /** Guest code or error id. */
  readonly code: string;
  readonly status: number;
  readonly attempt?: string;
  /** What the attacker is left with. */
  readonly left?: string;
  /** The owner-side words, where there is no attempt to look up. */
  readonly reasons?: readonly Reason[];
}

/** A dishonest guest. */
export interface Scene {
  readonly title: string;
  readonly tells: string;
  /** The finding that must be among the reasons: another refusal is not the one that is told. */
  readonly expects: FindingId;
  readonly play: (stage: Stage) => Promise<Refusal>;
}

export interface Stage {
  readonly world: DemoWorld;
  /** Body that the honest guest sent to `attest`, as an eavesdropper inside the guest's host keeps it. */
  readonly recorded: JsonObject;
  /** The honest guest's session cookie. */
  readonly cookie: string;
  readonly resource: string;
}

export const scenes: readonly Scene[] = [
  {
    title: 'Replayed evidence',
    tells: 'It sends evidence recorded from the honest guest, in a session of its own.',
    expects: 'binding.report-data.match',
    play: ({ world, recorded }) =>
      refusalOf(
        guest(
          world,
          tapped(world.transport, (body) => ({
            ...body,
            'tee-evidence': recorded['tee-evidence'] ?? null,
            'runtime-data': {
              ...objectOf(recorded['runtime-data']),
              nonce: objectOf(body['runtime-data'])['nonce'] ?? '',
            },
          })),
        ).attest(),
      ),
  },
  {
    title: 'Another key than the attested one',
    tells: 'It lets a real guest make the evidence, and puts its own key beside it.',
    expects: 'binding.report-data.match',
    play: ({ world }) => {
      const own = newKeyPair('ECDH-ES+A256KW-P256');
      const swap = (body: JsonObject): JsonObject => ({
        ...body,
        'runtime-data': { ...objectOf(body['runtime-data']), 'tee-pubkey': own.publicKey.asReceived },
      });
      return refusalOf(guest(world, tapped(world.transport, swap)).attest());
    },
  },
  {
    title: 'A machine that is behind with its updates',
    tells: 'Genuine hardware, but microcode and TDX module are one update old: their vendor says OutOfDate.',
    expects: 'dcap.tcb.level',
    play: ({ world, resource }) =>
      refusalOf(defective(world, 'tcb-out-of-date').getResource(parseResourceUri(resource))),
  },
  {
    title: 'A machine whose certificate is revoked',
    tells: 'The vendor has put the certificate that identifies this machine (PCK) on its revocation list.',
    expects: 'dcap.pck.revoked',
    play: ({ world }) => {
      const platform = world.hardware.intel.platform(REVOKED_MACHINE);
      return refusalOf(guest(world, world.transport, { platform }).attest());
    },
  },
  {
    title: 'A forged quoting enclave',
    tells:
      'The quoting enclave is the vendor’s program that signs quotes. This one signs with a key of its own, beside the genuine one’s report.',
    expects: 'dcap.qe.binding',
    play: ({ world }) => refusalOf(defective(world, 'qe-forged-key').attest()),
  },
  {
    title: 'A stolen session cookie',
    tells: 'It took the honest guest’s cookie, and wants a token for its own key, then the key of the image.',
    expects: 'session.key.bound',
    play: async ({ world, cookie, resource }) => {
      const own = newKeyPair('ECDH-ES+A256KW-P256');
      const withCookie: Transport = (request) =>
        world.transport({ ...request, headers: { ...request.headers, cookie } });
      const refusal = await refusalOf(guest(world, withoutNewSession(withCookie), {}, own).attest());
      return { ...refusal, left: await whatTheCookieGives(withCookie, own, resource) };
    },
  },
  {
    title: 'An administrator without credentials',
    tells: 'It asks the server to release everything to everybody.',
    expects: 'admin.credential.present',
    play: async ({ world }) => {
      try {
        await world.stranger.json('PUT', '/api/v1/resource-policy', { text: 'package policy\n\nallow := true\n' });
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        const { code, status, detail, remedy } = error.data as Problem;
        return { code, status, reasons: [{ id: code, title: detail, remedy }] };
      }
      throw new Error('the server let a stranger administer');
    },
  },
];

/** A guest in an emulated TD. */
export function guest(world: DemoWorld, transport: Transport, tee: TdxOverrides = {}, keyPair?: TeeKeyPair): CcKbc {
  return createKbc({
    transport,
    attester: emulatedAttester('tdx', world.hardware, tee),
    devices: [],
    attempts: 1,
    ...(keyPair === undefined ? {} : { keyPair }),
  });
}

/** A guest with one defect of the register of defects. */
export function defective(world: DemoWorld, name: 'changed-measurement' | 'tcb-out-of-date' | 'qe-forged-key'): CcKbc {
  const make: (world: TestWorld, tee: 'tdx') => IntelDefectParts = INTEL_DEFECTS[name].make;
  return guest(world, world.transport, tdxOverrides(make(world.hardware, 'tdx')));
}

/** The server's refusal. Anything else, success above all, ends the demo: it must not be told as one. */
export async function refusalOf(act: Promise<unknown>): Promise<Refusal> {
  try {
    await act;
  } catch (error) {
    if (!(error instanceof KbcError) || error.code === undefined || error.status === undefined) throw error;
    return {
      code: error.code,
      status: error.status,
      ...(error.attempt === undefined ? {} : { attempt: error.attempt }),
    };
  }
  throw new Error('the server did not refuse');
}

/** Answers `auth` from the air, so that the stolen session is the one that `attest` is sent to. */
function withoutNewSession(transport: Transport): Transport {
  const nonce = Buffer.alloc(32).toString('base64');
  return async (request) =>
    request.path === '/kbs/v0/auth'
      ? { status: 200, setCookie: [], body: Buffer.from(JSON.stringify({ nonce, 'extra-params': '' })) }
      : transport(request);
}

/** With the cookie alone the broker still answers, but to the attested key: the thief holds bytes that it cannot open. */
async function whatTheCookieGives(transport: Transport, own: TeeKeyPair, resource: string): Promise<string> {
  const answer = await transport({ method: 'GET', path: `/kbs/v0/resource/${resource}`, headers: {} });
  if (answer.status !== 200) return `nothing (status ${answer.status})`;
  try {
    const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
    decryptJwe(parseResponse(parseJsonStrict(answer.body)), own.privateKey, { form: 2, random });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === 'response.jwe.opened')
      return 'ciphertext for the honest guest’s key, which it cannot open';
    throw error;
  }
  throw new Error('a stolen cookie opened the secret');
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value as JsonObject) ? (value as JsonObject) : {};
}
