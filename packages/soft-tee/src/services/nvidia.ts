import { createHash } from 'node:crypto';
import { decodeBase64, encodeHex, isJsonArray, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { answerNras, nrasKeySet } from '../nvidia/nras.js';
import { answerOcsp, OCSP_TRY_LATER } from '../nvidia/ocsp.js';
import type { TestWorld } from '../world.js';
import {
  type EmulatedService,
  type ServiceAnswer,
  type ServiceOptions,
  type ServiceRoute,
  startService,
  text,
} from './http.js';

/** Emulated services of NVIDIA: RIM service, OCSP responder, remote attestation service with its keys. */
export function startEmulatedNvidia(world: TestWorld, options: ServiceOptions = {}): Promise<EmulatedService> {
  return startService(routes(world), options);
}

function routes(world: TestWorld): readonly ServiceRoute[] {
  const { nvidia } = world;
  const rim: ServiceRoute = {
    name: 'rim',
    pattern: /^\/v1\/rim\/([A-Za-z0-9_.]+)$/,
    answer: (match) => {
      const manifest = nvidia.manifest(match[1] ?? '');
      if (manifest === undefined) return text(404, 'unknown RIM');
      const sha256 = createHash('sha256').update(manifest).digest('hex');
      return json({ id: match[1] ?? '', rim: Buffer.from(manifest).toString('base64'), sha256, rim_format: 'TEXT' });
    },
  };
  const ocsp: ServiceRoute = {
    name: 'ocsp',
    method: 'POST',
    pattern: /^\/ocsp\/?$/,
    answer: (_, __, body) => ({
      status: 200,
      headers: { 'content-type': 'application/ocsp-response' },
      body: answerOcsp(nvidia.pki, body, world.now(), nvidia.orders.ocsp) ?? OCSP_TRY_LATER,
    }),
  };
  const attest: ServiceRoute = {
    name: 'attest',
    method: 'POST',
    pattern: /^\/v4\/attest\/(gpu|switch)$/,
    answer: (match, _, body) => attestation(world, match[1] === 'switch' ? 'switch' : 'gpu', body),
  };
  const keys: ServiceRoute = {
    name: 'jwks',
    pattern: /^\/\.well-known\/jwks\.json$/,
    answer: () => json(nrasKeySet(nvidia.nrasKey)),
  };
  return [rim, ocsp, attest, keys];
}

function attestation(world: TestWorld, kind: 'gpu' | 'switch', body: Uint8Array): ServiceAnswer {
  const question = parseJsonStrict(Buffer.from(body).toString('utf8'));
  const list = isJsonObject(question) ? question['evidence_list'] : undefined;
  const [entry] = list !== undefined && isJsonArray(list) ? list : [];
  const nonce = isJsonObject(question) ? question['nonce'] : undefined;
  const evidence = isJsonObject(entry) ? entry['evidence'] : undefined;
  if (typeof nonce !== 'string' || typeof evidence !== 'string') return text(400, 'question');
  const report = decodeBase64(evidence);
  const { nvidia } = world;
  const asked = { nonce, report, claims: deviceClaims(world, kind, report) };
  const answer = answerNras(kind, asked, nvidia.nrasKey, world.now(), nvidia.orders.nras);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(answer)) };
}

/** Claims that tell the device: found by its responder nonce, which starts with its identifier. */
function deviceClaims(world: TestWorld, kind: 'gpu' | 'switch', report: Uint8Array): JsonObject {
  const [low = 0, high = 0] = report.subarray(42);
  const nonce = report.subarray(45 + low + 256 * high);
  const device = world.nvidia
    .devices()
    .find(
      ({ arch, pdi }) => (arch === 'LS10') === (kind === 'switch') && Buffer.compare(pdi, nonce.subarray(0, 8)) === 0,
    );
  if (device === undefined) return {};
  const peers = device.peers.map((pdi) => encodeHex(pdi));
  const ueid = BigInt(`0x${encodeHex(device.pdi)}`).toString();
  return kind === 'switch'
    ? {
        ueid,
        'x-nvidia-switch-bios-version': device.vbiosVersion.toUpperCase(),
        'x-nvidia-switch-pdi': encodeHex(device.pdi),
        'x-nvidia-switch-gpu-pdis': peers,
      }
    : {
        ueid,
        'x-nvidia-gpu-driver-version': device.driverVersion,
        'x-nvidia-gpu-vbios-version': device.vbiosVersion.toUpperCase(),
        'x-nvidia-gpu-switch-pdis': [...peers, '0000000000000000'],
      };
}

function json(value: JsonObject): ServiceAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) };
}
