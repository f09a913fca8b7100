import { DecodeError, type JsonValue } from '@assay/bytes';
import { createDpuVerifier, createNvidiaVerifier, type VerifierResult } from '@assay/evidence';
import { ocspNames } from '@assay/evidence/nvidia';
import { encodeOcspRequest, parseOcspResponse } from '@assay/evidence/ocsp';
import { parseCertificate } from '@assay/evidence/x509';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dpuEvidence, nvidiaEvidence, nvidiaReport } from '../attester/nvidia.js';
import { createTestWorld } from '../world.js';
import { answerNras, EMULATED_NRAS_ISSUER, nrasKeySet } from './nras.js';
import { driverName, vbiosName } from './nvidia.js';
import { answerOcsp } from './ocsp.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: (n) => new Uint8Array(n), seed: new Uint8Array(32).fill(7) });
const { nvidia } = world;
const gpu = nvidia.device();
const REPORT_DATA = new Uint8Array(48).fill(3);
const reportData = [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce' }];
const common = { reportData, initData: undefined, now: NOW };
const made = nvidiaReport(world, REPORT_DATA, { device: gpu });
const chain = Uint8Array.from(Buffer.from(made.chain));
const verifier = createNvidiaVerifier({
  emulatedRoots: world.anchors().nvidia,
  rules: { rim: 'required', ocsp: 'required' },
});

/** Endorsements under which the evidence is accepted: every change below is then the one that refuses. */
const endorsements: Record<string, Uint8Array> = {};
for (const name of [driverName(gpu), vbiosName(gpu)]) {
  if (name !== undefined) endorsements[`rim:${name}`] = nvidia.manifest(name) ?? new Uint8Array(0);
}
const paths = [
  made.chain
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .slice(1)
    .map(derOf),
  nvidia.pki.manifestChain(NOW).map(({ der }) => der),
].map((ders) => ders.map((der) => parseCertificate(der)));
for (const path of paths) {
  path.slice(0, -1).forEach((certificate, at) => {
    const issuer = path[at + 1] ?? certificate;
    const names = ocspNames(certificate, issuer);
    const nonce = new Uint8Array(32).fill(at + 1);
    endorsements[names.response] =
      answerOcsp(nvidia.pki, encodeOcspRequest(certificate, issuer, nonce), NOW) ?? new Uint8Array(0);
    endorsements[names.nonce] = nonce;
  });
}

function derOf(pem: string): Uint8Array {
  return Uint8Array.from(Buffer.from(pem.replace(/-----[^-]*-----|\s/g, ''), 'base64'));
}

function verify(
  report: Uint8Array,
  certificates: Uint8Array,
  more: Readonly<Record<string, Uint8Array>> = endorsements,
): VerifierResult {
  const device = {
    arch: 'HOPPER',
    evidence: Buffer.from(report).toString('base64'),
    certificate: Buffer.from(certificates).toString('base64'),
  };
  return verifier.verify({ ...common, evidence: { device_evidence_list: [device] }, endorsements: more });
}

/** Bytes with a few changes: octets set, a piece cut out, a piece doubled. Never the bytes themselves. */
const mutated = (original: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const place = fc.nat(original.length - 1);
  const octets = fc
    .array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(original);
      for (const [at, difference] of changes) bytes[at] = (bytes[at] ?? 0) ^ difference;
      return bytes;
    });
  const cut = fc
    .tuple(place, fc.integer({ min: 1, max: 64 }))
    .map(([at, length]) => Uint8Array.from([...original.subarray(0, at), ...original.subarray(at + length)]));
  const doubled = fc
    .tuple(place, fc.integer({ min: 1, max: 64 }))
    .map(([at, length]) => Uint8Array.from([...original.subarray(0, at + length), ...original.subarray(at)]));
  return fc
    .oneof({ weight: 6, arbitrary: octets }, cut, doubled, fc.uint8Array({ maxLength: 2048 }))
    .filter((bytes) => Buffer.compare(bytes, original) !== 0);
};

test('the originals are accepted', () => {
  const result = verify(made.report, chain);
  expect(result.findings.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  expect(result.accepted).toBe(true);
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  test('report', () => {
    fc.assert(
      fc.property(mutated(made.report), (report) => {
        // What follows the signature means nothing, and is said.
        const appended = Buffer.compare(report.subarray(0, made.report.length), made.report) === 0;
        expect(verify(report, chain).accepted).toBe(appended);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('chain', () => {
    const ders = (pem: string): string => pem.replace(/-----[^-]*-----|\s/g, '');
    fc.assert(
      fc.property(mutated(chain), (certificates) => {
        const { accepted } = verify(made.report, certificates);
        // Text around the blocks and the ends of lines are no part of a certificate.
        if (accepted)
          expect(ders(Buffer.from(certificates).toString('latin1'))).toContain(ders(made.chain).slice(0, 400));
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test.each(Object.keys(endorsements).filter((name) => !name.startsWith('ocsp_nonce')))('%s', (name) => {
    const original = endorsements[name] ?? new Uint8Array(0);
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        const { accepted } = verify(made.report, chain, { ...endorsements, [name]: bytes });
        // White space inside base64, and in tags, is written away before anything is signed.
        const allowed = name.startsWith('rim:');
        const squeezed = (text: Uint8Array): string => Buffer.from(text).toString('utf8').replace(/\s/g, '');
        expect(accepted && !(allowed && squeezed(bytes) === squeezed(original))).toBe(false);
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  test('OCSP answers are read or refused by DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        try {
          parseOcspResponse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('evidence', () => {
    const device = fc.record({
      arch: fc.constantFrom('HOPPER', 'Blackwell', 'LS10', 'x'),
      uuid: fc.jsonValue(),
      evidence: fc.oneof(fc.base64String({ maxLength: 600 }), fc.jsonValue()),
      certificate: fc.oneof(fc.base64String({ maxLength: 600 }), fc.jsonValue()),
    });
    const evidence = fc.oneof(
      fc.jsonValue(),
      fc.record({ device_evidence_list: fc.jsonValue() }),
      fc.record({ device_evidence_list: fc.array(device, { maxLength: 4 }) }),
    );
    fc.assert(
      fc.property(evidence, (value) => {
        expect(verifier.verify({ ...common, evidence: value as JsonValue, endorsements }).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('answers of the remote service', () => {
    const remote = createNvidiaVerifier({ remote: { issuer: EMULATED_NRAS_ISSUER } });
    const asked = { nonce: Buffer.from(REPORT_DATA.subarray(0, 32)).toString('hex'), report: made.report, claims: {} };
    const answer = Uint8Array.from(Buffer.from(JSON.stringify(answerNras('gpu', asked, nvidia.nrasKey, NOW))));
    const keys = Uint8Array.from(Buffer.from(JSON.stringify(nrasKeySet(nvidia.nrasKey))));
    const evidence = nvidiaEvidence(world, REPORT_DATA, { devices: [gpu] });
    const judge = (nras: Uint8Array, set: Uint8Array): boolean =>
      remote.verify({ ...common, evidence, endorsements: { 'nras:0': nras, nras_jwks: set } }).accepted;
    expect(judge(answer, keys)).toBe(true);
    fc.assert(
      fc.property(mutated(answer), mutated(keys), fc.boolean(), (changed, set, which) => {
        // Other members of a key say nothing about it.
        const same = ['x', 'y', 'kid', 'crv', 'kty'].every((name) => memberOf(set, name) === memberOf(keys, name));
        expect(which ? judge(changed, keys) : judge(answer, set) && !same).toBe(false);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('DPU evidence', () => {
    const { root } = nvidia.pki.dpu(1n, NOW);
    const dpu = createDpuVerifier({ roots: [parseCertificate(root.der)] });
    const good = dpuEvidence(world, REPORT_DATA) as { version: number; devices: [Record<string, string>] };
    const [device] = good.devices;
    const members = ['alias_cert', 'device_id_cert', 'report_data_signature'] as const;
    expect(dpu.verify({ ...common, evidence: good }).accepted).toBe(true);
    const edit = fc.constantFrom(...members).chain((member) => {
      const original = Uint8Array.from(Buffer.from(device[member] ?? '', 'base64'));
      return mutated(original).map((bytes) => ({ ...device, [member]: Buffer.from(bytes).toString('base64') }));
    });
    fc.assert(
      fc.property(fc.oneof(edit, fc.jsonValue()), (changed) => {
        const evidence = { version: 1, devices: [changed] } as JsonValue;
        expect(dpu.verify({ ...common, evidence }).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

function memberOf(set: Uint8Array, name: string): unknown {
  try {
    const whole = JSON.parse(Buffer.from(set).toString('utf8')) as { keys?: Record<string, unknown>[] };
    return whole.keys?.[0]?.[name];
  } catch {
    return undefined;
  }
}
