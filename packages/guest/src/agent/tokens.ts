import { setTimeout as wait } from 'node:timers/promises';
import { encodeBase64url, encodeUtf8, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import {
  generateTeeKeyPair,
  type RandomSource,
  type TeeKeyPair,
  teeKeyPairFromPem,
  teePrivateKeyToPem,
} from '@assay/protocol';
import type { Attester } from '../attester/attester.js';
import type { KbsTokenConfig } from '../config/agent-config.js';
import { CcKbc } from '../kbc/cc-kbc.js';
import { KbcError } from '../kbc/kbc-error.js';
import type { Credential } from '../kbc/token-kbc.js';
import type { Transport } from '../kbc/transport.js';

/** What tokens are got with. */
export interface TokenSource {
  readonly attester: Attester;
  readonly devices: readonly Attester[];
  readonly initDataToml?: string;
  /** Reaches the services of the configuration. */
  readonly transport: (url: string, ca?: string) => Transport;
  readonly random: RandomSource;
  readonly now: () => Date;
  /** Between handshakes that failed because the broker could not answer. Default 1000 ms, as upstream. */
  readonly retryMs?: number;
}

const HANDSHAKES = 5;

/**
 * Token type `kbs`: a handshake with a key of its own, answered as `{"token", "tee_keypair"}`, the key in PEM.
 *
 * @throws KbcError
 */
export async function kbsToken(source: TokenSource, config: KbsTokenConfig): Promise<Uint8Array> {
  const keyPair = generateTeeKeyPair(config.teeKeyAlgorithm, source.random);
  const pem = privateKeyPem(keyPair);
  const kbc = new CcKbc({
    transport: source.transport(config.url, config.cert),
    attester: source.attester,
    devices: source.devices,
    keyPair,
    random: source.random,
    now: source.now,
    ...(source.initDataToml === undefined ? {} : { initDataToml: source.initDataToml }),
  });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return encodeUtf8(JSON.stringify({ token: await kbc.getToken(), tee_keypair: pem }));
    } catch (error) {
      // A refusal stays one; only a broker that could not answer is asked again.
      if (!(error instanceof KbcError) || error.reason !== 'unavailable' || attempt >= HANDSHAKES) throw error;
      await wait(source.retryMs ?? 1000);
    }
  }
}

/** What the answer of token type `kbs` holds. @throws KbcError */
export function readKbsToken(bytes: Uint8Array): Credential {
  try {
    const value = parseJsonStrict(bytes);
    const { token, tee_keypair: pem } = isJsonObject(value) ? value : {};
    if (typeof token === 'string' && typeof pem === 'string') return { token, keyPair: teeKeyPairFromPem(pem) };
  } catch {
    // The cause could quote the key.
  }
  throw new KbcError('protocol', 'the agent’s token is not {"token", "tee_keypair"}');
}

/** Token type `coco_as`: evidence over no report data, judged by an attestation service; its answer as it is. @throws KbcError */
export async function attestationServiceToken(source: TokenSource, url: string): Promise<Uint8Array> {
  const evidence = await source.attester.getEvidence(new Uint8Array());
  const request: JsonValue = {
    verification_requests: [
      { tee: source.attester.tee, evidence: encodeBase64url(encodeUtf8(JSON.stringify(evidence))) },
    ],
    policy_ids: [],
  };
  const answer = await source.transport(url)({
    method: 'POST',
    path: '/attestation',
    headers: { 'content-type': 'application/json' },
    body: encodeUtf8(JSON.stringify(request)),
  });
  if (answer.status !== 200)
    throw new KbcError('refused', `the attestation service answered ${answer.status}`, { status: answer.status });
  return answer.body;
}

function privateKeyPem({ privateKey }: TeeKeyPair): string {
  try {
    return teePrivateKeyToPem(privateKey);
  } catch (cause) {
    throw new KbcError('protocol', 'a key of this kind cannot be handed over with a token; configure an EC key', {
      cause,
    });
  }
}
