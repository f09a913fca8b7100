import { randomBytes } from 'node:crypto';
import { concatBytes, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import type { Endorsements, VerifierResult, VerifyInput } from '@assay/evidence';
import {
  type CsvRules,
  createCsvVerifier,
  csvNeeds,
  csvTrustIn,
  csvVerifier,
  examineChain,
  guessVersion,
  hskCekName,
  splitHskCek,
  verifyCsvFiles,
} from '@assay/evidence/csv';
import { createHygonDcuVerifier, dcuNeeds } from '@assay/evidence/hygondcu';
import { sm3 } from '@assay/evidence/sm';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CSV_BANK, type CsvOverrides, csvEvidence, csvReport, dcuEvidence } from '../attester/csv.js';
import { CSV_DEFECTS, type CsvDefectName, csvCase } from '../defects/csv.js';
import { agentEvent, emulatedEventLog } from '../intel/event-log.js';
import { KeyStore } from '../keys/key-store.js';
import { createTestWorld } from '../world.js';
import { caCertificate } from './certificate.js';
import { CSV_POLICY } from './report.js';
import { sm2Key } from './sm2-key.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const { hygon } = world;
const keys = new KeyStore(new Uint8Array(32).fill(1));
const chip = hygon.chip();
const hrk = { name: 'emulated HRK', bytes: hygon.hrk() };
const verifier = createCsvVerifier({ emulatedRoots: [hrk] });
const reportData = new Uint8Array(randomBytes(48));
const asked = { bytes: reportData, algorithm: 'sha384', members: 'nonce, tee-pubkey' };
const endorsed: Endorsements = { [hskCekName(chip.serial)]: hygon.hskCek(chip) };

function run(evidence: JsonValue, more: Partial<VerifyInput> = {}, rules?: CsvRules): VerifierResult {
  const using = rules === undefined ? verifier : createCsvVerifier({ emulatedRoots: [hrk], rules });
  return using.verify({
    evidence,
    reportData: [asked],
    initData: undefined,
    endorsements: endorsed,
    now: NOW,
    ...more,
  });
}
const failures = ({ findings }: VerifierResult): string[] =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const outcomes = ({ findings }: VerifierResult, id: string): string[] =>
  findings.filter((finding) => finding.id === id).map(({ outcome }) => outcome);
const verdictOf = ({ findings }: VerifierResult): string | undefined =>
  assembleVerdict({ kind: 'csv', at: NOW, asOf: true, asked: false, findings }).verdict;
const claimsOf = (result: VerifierResult): JsonObject => (result.accepted ? (result.claimSets[0]?.claims ?? {}) : {});

describe('evidence of an ordinary machine', () => {
  test.each<[string, CsvOverrides]>([
    ['version 1, as the library hands it on', {}],
    ['version 1, as the firmware writes it', { signing: { form: 'masked' } }],
    ['version 1 with its chain', { certificates: 'evidence' }],
    ['version 2', { version: 2 }],
    ['version 2 with a MAC that holds', { version: 2, signing: { form: 'masked' } }],
  ])('%s', (_, overrides) => {
    const result = run(csvEvidence(world, reportData, overrides));
    expect(failures(result)).toEqual([]);
    expect(result.accepted && result.matched).toBe(0);
    expect(claimsOf(result)).toMatchObject({
      version: String(overrides.version ?? 1),
      serial_number: chip.serial,
      emulated: true,
      policy: { nodbg: 1, es: 1, csv3: 1, noks: 0, hsk_version: 0, api_major: 0 },
      sig_usage: '02100000',
      sig_algo: '04000000',
    });
    expect(outcomes(result, 'csv.report.mac')).toEqual([overrides.signing?.form === 'masked' ? 'pass' : 'not-checked']);
    // Version 1 has a mask that nothing signs.
    expect(outcomes(result, 'csv.report.mask')).toEqual([overrides.version === 2 ? 'pass' : 'warn']);
    expect(outcomes(result, 'csv.serial.bound')).toEqual([overrides.certificates === undefined ? 'pass' : 'warn']);
  });

  test('claims of both versions', () => {
    const one = claimsOf(run(csvEvidence(world, reportData)));
    const two = claimsOf(run(csvEvidence(world, reportData, { version: 2 })));
    expect(Object.keys(one).sort()).toEqual(
      'anonce emulated measure mnonce policy report_data serial_number sig_algo sig_usage user_pubkey_digest version vm_id vm_version'.split(
        ' ',
      ),
    );
    expect(Object.keys(two)).toEqual(
      expect.arrayContaining(['build', 'rtmr_version', 'reserved0', 'rtmr0', 'rtmr4', 'reserved1']),
    );
    expect(two).toMatchObject({ build: 2000, rtmr_version: 1, rtmr0: one['measure'] });
    expect(two).not.toHaveProperty('anonce');
  });

  test('numbers of the policy', () => {
    const report = { policy: 0x12_34_5a_01 };
    expect(claimsOf(run(csvEvidence(world, reportData, { report })))).toMatchObject({
      policy: { nodbg: 1, noks: 0, hsk_version: 0xa, cek_version: 5, api_major: 0x34, api_minor: 0x12 },
    });
  });

  test('fields as guests before 0.15 sent them', () => {
    const evidence = csvEvidence(world, reportData, { signing: { form: 'masked' } });
    const bytes = csvReport(world, reportData, { signing: { form: 'masked' } });
    const list = (from: number, length: number): number[] => [...bytes.subarray(from, from + length)];
    const word = (at: number): number => Buffer.from(bytes).readUInt32LE(at);
    const { hsk_cek: _, ...chain } = evidence['cert_chain'] as JsonObject;
    const pair = (csvEvidence(world, reportData, { certificates: 'evidence' })['cert_chain'] as JsonObject)['hsk_cek'];
    const old = {
      attestation_report: {
        tee_info: {
          user_pubkey_digest: list(0, 32),
          vm_id: list(32, 16),
          vm_version: list(48, 16),
          report_data: list(64, 64),
          mnonce: list(128, 16),
          measure: list(144, 32),
          policy: word(176),
          sig_usage: word(180),
          sig_algo: word(184),
          anonce: word(188),
          sig: { r: list(192, 72), s: list(264, 72) },
        },
        signer: { pek_cert: list(336, 2084), sn: list(2420, 64), reserved: list(2484, 32), mac: list(2516, 32) },
      },
      // Release 0.8 had the two certificates beside the PEK, and no serial number.
      cert_chain: { ...chain, ...(pair as JsonObject) },
    };
    const result = run(old, { endorsements: {} });
    expect(failures(result)).toEqual([]);
    expect(outcomes(result, 'csv.evidence.agree')).toEqual(['pass', 'not-checked']);
  });
});

describe('defects', () => {
  test.each(Object.keys(CSV_DEFECTS) as CsvDefectName[])('%s', (name) => {
    const { finding, verdict } = CSV_DEFECTS[name];
    const { evidence, hskCek, serial } = csvCase(world, reportData, name);
    const result = run(evidence, { endorsements: { [hskCekName(serial)]: hskCek } });
    if (finding === null) {
      expect(failures(result)).toEqual([]);
      return;
    }
    expect(result.accepted).toBe(false);
    expect(failures(result)).toContain(finding);
    expect(verdictOf(result)).toBe(verdict);
    // One thing is wrong: an altered PEK or HSK shows in what hangs on it, nothing else does.
    if (name !== 'unmasked-fields') expect(new Set(failures(result)).size).toBeLessThanOrEqual(2);
  });

  test('every finding of the chain and the report has a defect that fails it', () => {
    const failed = new Set(Object.values(CSV_DEFECTS).map(({ finding }) => finding));
    for (const id of [
      'csv.report.form',
      'csv.report.signature',
      'csv.report.mac',
      'csv.chain.form',
      'csv.chain.links',
      'csv.chain.usage',
    ])
      expect(failed).toContain(id);
  });
});

describe('HSK and CEK', () => {
  test('without them nothing is accepted, and nothing is refused', () => {
    const result = run(csvEvidence(world, reportData), { endorsements: {} });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual(['csv.endorsement.missing']);
    expect(verdictOf(result)).toBe('incomplete');
    expect(outcomes(result, 'csv.report.signature')).toEqual(['pass']);
  });

  test('without them, what can be checked still refuses', () => {
    const { evidence } = csvCase(world, reportData, 'bad-signature');
    expect(verdictOf(run(evidence, { endorsements: {} }))).toBe('reject');
    const cut = csvCase(world, reportData, undefined, {
      alter: (report) => report.map((b, i) => (i === 340 ? b ^ 1 : b)),
    });
    expect(verdictOf(run(cut.evidence, { endorsements: {} }))).toBe('reject');
  });

  test('of another chip they do not fit', () => {
    const other = hygon.chip('another');
    const result = run(csvEvidence(world, reportData), { endorsements: { hsk_cek: hygon.hskCek(other) } });
    expect(failures(result)).toEqual(['csv.chain.links']);
  });

  test('cut short they do not parse', () => {
    const endorsements = { hsk_cek: hygon.hskCek(chip).subarray(0, 2915) };
    expect(failures(run(csvEvidence(world, reportData), { endorsements }))).toContain('csv.chain.form');
  });

  test('an emulated root is trusted only where it is named', () => {
    const result = csvVerifier.verify({
      evidence: csvEvidence(world, reportData),
      reportData: [asked],
      initData: undefined,
      endorsements: endorsed,
      now: NOW,
    });
    expect(failures(result)).toEqual(['csv.chain.root']);
  });

  test('what a server asks for', () => {
    expect(csvNeeds(csvEvidence(world, reportData))).toEqual({ serials: [chip.serial], suppliesHskCek: false });
    expect(csvNeeds(csvEvidence(world, reportData, { certificates: 'evidence' }))?.suppliesHskCek).toBe(true);
    expect(csvNeeds({})).toBeUndefined();
    const strange = csvEvidence(world, reportData, {
      report: { serial: new TextEncoder().encode('../x'.padEnd(64, '\0')) },
    });
    expect(csvNeeds(strange)).toBeUndefined();
    expect(failures(run(strange))).toContain('csv.report.form');
  });
});

describe('rules of the owner', () => {
  test('debugging', () => {
    const evidence = csvEvidence(world, reportData, { report: { policy: CSV_POLICY.es } });
    expect(failures(run(evidence))).toEqual(['csv.guest.debug']);
    const relaxed = run(evidence, {}, { debugAllowed: true });
    expect(relaxed.accepted).toBe(true);
    expect(outcomes(relaxed, 'csv.guest.debug')).toEqual(['warn']);
  });

  test('flags that must be set', () => {
    const evidence = csvEvidence(world, reportData);
    expect(run(evidence, {}, { requiredPolicy: ['nodbg', 'csv3'] }).accepted).toBe(true);
    expect(failures(run(evidence, {}, { requiredPolicy: ['csv3', 'nosend'] }))).toEqual(['csv.guest.policy']);
  });

  test('report data that were not asked for are not compared; init-data has no register', () => {
    const result = run(csvEvidence(world, reportData), {
      reportData: undefined,
      initData: { digest: new Uint8Array(32) },
    });
    expect(result.accepted).toBe(true);
    expect(outcomes(result, 'binding.report-data.match')).toEqual(['not-checked']);
    const finding = result.findings.find(({ id }) => id === 'binding.init-data.match');
    expect(finding).toMatchObject({ outcome: 'not-checked', title: expect.stringContaining('no register') });
  });
});

describe('event logs', () => {
  const eventLog = emulatedEventLog(
    [
      { register: 1, type: 4, data: new Uint8Array(4) },
      agentEvent('github.com/confidential-containers', 'PullImage', '{"image":"alpine"}'),
    ],
    CSV_BANK,
  );

  test('of version 2 is replayed, and becomes a claim', () => {
    const result = run(csvEvidence(world, reportData, { version: 2, eventLog }));
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)['uefi_event_logs']).toHaveLength(2);
  });

  test('that does not lead to the registers refuses', () => {
    const rtmrs = [hygonMeasure(), ...Array.from({ length: 4 }, () => new Uint8Array(32).fill(1))];
    const result = run(csvEvidence(world, reportData, { version: 2, eventLog, report: { rtmrs } }));
    expect(failures(result)).toContain('eventlog.register.replay');
  });

  test('of version 1 is believed by nobody', () => {
    const result = run(csvEvidence(world, reportData, { eventLog }));
    expect(result.accepted).toBe(true);
    expect(outcomes(result, 'eventlog.register.replay')).toEqual(['not-checked']);
    expect(claimsOf(result)).not.toHaveProperty('uefi_event_logs');
  });
});

function hygonMeasure(): Uint8Array {
  return sm3(new TextEncoder().encode('emulated CSV launch'));
}

describe('malformed evidence', () => {
  const good = csvEvidence(world, reportData);
  const report = good['attestation_report'] as JsonObject;
  const chain = good['cert_chain'] as JsonObject;
  test.each<[string, JsonValue]>([
    ['null', null],
    ['a list', []],
    ['no report', { ...good, attestation_report: null }],
    ['a report that is too short', { ...good, attestation_report: { ...report, data: [1, 2, 3] } }],
    [
      'a report of texts',
      { ...good, attestation_report: { ...report, data: Array.from({ length: 4096 }, () => 'x') } },
    ],
    [
      'a report of large numbers',
      { ...good, attestation_report: { ...report, data: Array.from({ length: 4096 }, () => 256) } },
    ],
    ['unknown magic', { ...good, attestation_report: { ...report, magic: Array.from({ length: 16 }, () => 1) } }],
    [
      'unknown flags',
      { ...good, attestation_report: { ...report, magic: [...Buffer.from('ATTESTATION_EXT\0')], flags: 2 } },
    ],
    ['no chain', { ...good, cert_chain: 7 }],
    ['a PEK without slots', { ...good, cert_chain: { pek: { ...(chain['pek'] as JsonObject), sigs: [] } } }],
    ['a PEK of another shape', { ...good, cert_chain: { pek: { body: { ver: 1 } } } }],
    ['HSK without CEK', { ...good, cert_chain: { ...chain, hsk_cek: { hsk: {} } } }],
    ['a serial number that is too long', { ...good, serial_number: Array.from({ length: 65 }, () => 65) }],
    ['a serial number in text', { ...good, serial_number: 'ABC' }],
    ['an event log that is not base64', { ...good, cc_eventlog: '*' }],
    ['an event log that is no text', { ...good, cc_eventlog: 7 }],
  ])('%s', (_, evidence) => {
    const result = run(evidence);
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual(['evidence.json.form']);
    expect(verdictOf(result)).toBe('reject');
  });
});

describe('files', () => {
  const options = { at: NOW, roots: [hygon.hrk()] };
  test('of both versions, the version told by the bytes', () => {
    for (const version of [1, 2] as const) {
      const report = csvReport(world, reportData, { version });
      expect(guessVersion(report)).toBe(version);
      const result = verifyCsvFiles({ report, hsk_cek: hygon.hskCek(chip), pek: hygon.pek(chip) }, options);
      expect(result).toMatchObject({
        verdict: 'accept',
        version,
        chip_id: chip.serial,
        links: { cek_pek: true, pek_report: true },
      });
      // Other report data than asked for.
      expect(
        verifyCsvFiles({ report, hsk_cek: hygon.hskCek(chip) }, { ...options, reportData: new Uint8Array(64) }).verdict,
      ).toBe('reject');
    }
  });

  test('a PEK of another chip beside the report', () => {
    const pek = hygon.pek(hygon.chip('another'));
    const result = verifyCsvFiles({ report: csvReport(world, reportData), hsk_cek: hygon.hskCek(chip), pek }, options);
    expect(result.verdict).toBe('reject');
  });

  test('without a report', () => expect(() => verifyCsvFiles({}, options)).toThrow(RangeError));

  test('claims as policies see them, of authentic reports only', () => {
    const files = { report: csvReport(world, reportData), hsk_cek: hygon.hskCek(chip) };
    expect(verifyCsvFiles(files, options)).toMatchObject({ policy_claims: { serial_number: chip.serial } });
    expect(verifyCsvFiles(files, { at: NOW })).not.toHaveProperty('policy_claims');
  });

  test('an HSK that names another signer than the root, though the root signed it', () => {
    const [root, other] = [sm2Key(keys, 'root', 'HYGON-SSD-HRK'), sm2Key(keys, 'hsk', 'HYGON-SSD-HSK')];
    const [id, otherId] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const given = caCertificate(root, 0, id, root, id);
    const links = (signerId: Uint8Array): unknown => {
      const hsk = caCertificate(other, 0x13, otherId, root, signerId);
      const hskCek = concatBytes(hsk, hygon.cek(chip));
      const report = csvReport(world, reportData);
      return verifyCsvFiles({ report, hsk_cek: hskCek, hrk: given }, { at: NOW, roots: [given] })['links'];
    };
    expect(links(id)).toMatchObject({ hrk_self: true, hrk_hsk: true });
    expect(links(otherId)).toMatchObject({ hrk_self: true, hrk_hsk: false });
  });

  test('a chain is verified once for its exact bytes', () => {
    const trust = csvTrustIn([hrk]);
    const pair = splitHskCek(hygon.hskCek(chip));
    const { verified } = examineChain(pair, trust);
    expect(verified).toBeDefined();
    expect(examineChain(pair, trust).verified).toBe(verified);
    expect(examineChain({ ...pair, pek: hygon.pek(chip) }, trust).verified).not.toBe(verified);
    expect(() => csvTrustIn([])).toThrow(RangeError);
  });
});

describe('DCU', () => {
  const chips = [hygon.chip('dcu-1'), hygon.chip('dcu-2')];
  const dcu = createHygonDcuVerifier({ emulatedRoots: [hrk] });
  const endorsements = Object.fromEntries(chips.map((one) => [hskCekName(one.serial), hygon.hskCek(one)]));
  const check = (evidence: JsonValue, more: Partial<VerifyInput> = {}): VerifierResult =>
    dcu.verify({ evidence, reportData: [asked], initData: undefined, endorsements, now: NOW, ...more });

  test('each device has claims of its own', () => {
    const evidence = dcuEvidence(world, reportData, { chips });
    const result = check(evidence);
    expect(failures(result)).toEqual([]);
    expect(result.accepted && result.claimSets.map(({ class: kind }) => kind)).toEqual(['dcu', 'dcu']);
    expect(claimsOf(result)).toMatchObject({
      body: {
        version: 1,
        sig_usage: '1004',
        sig_algo: '4',
        chip_id: Buffer.from(chips[0]?.serial.padEnd(16, '\0') ?? '').toString('hex'),
      },
      emulated: true,
    });
    expect(dcuNeeds(evidence)).toEqual(chips.map(({ serial }) => serial));
    expect(dcuNeeds(null)).toEqual([]);
  });

  test.each<[string, Parameters<typeof dcuEvidence>[2], string]>([
    ['a changed measurement', { alter: (report) => report.map((b, i) => (i === 90 ? b ^ 1 : b)) }, 'csv.dcu.signature'],
    ['a changed signature', { alter: (report) => report.map((b, i) => (i === 260 ? b ^ 1 : b)) }, 'csv.dcu.signature'],
    ['another usage', { sigUsage: 0x1002 }, 'csv.dcu.form'],
    ['another algorithm', { sigAlgo: 5 }, 'csv.dcu.form'],
    ['other user data', { userData: new Uint8Array(64) }, 'binding.report-data.match'],
  ])('refuses %s', (_, overrides, id) => {
    const result = check(dcuEvidence(world, reportData, overrides));
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual([id]);
  });

  test('one device that is refused refuses all', () => {
    const evidence = dcuEvidence(world, reportData, { chips });
    const result = check(evidence, { endorsements: { [hskCekName(chips[0]?.serial ?? '')]: hygon.hskCek(chip) } });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toContain('csv.endorsement.missing');
  });

  test('report data must be asked for', () => {
    expect(failures(check(dcuEvidence(world, reportData), { reportData: undefined }))).toEqual(['csv.dcu.form']);
  });

  test('reports that bind two forms of the runtime data are not one guest’s', () => {
    const other = { bytes: new Uint8Array(48).fill(1), algorithm: 'sha384', members: 'another form' };
    const [first] = dcuEvidence(world, reportData, { chips: chips.slice(0, 1) })['attestation_reports'] as JsonValue[];
    const [second] = dcuEvidence(world, other.bytes, { chips: chips.slice(1) })['attestation_reports'] as JsonValue[];
    const result = check({ attestation_reports: [first ?? null, second ?? null] }, { reportData: [asked, other] });
    expect(failures(result)).toEqual(['csv.dcu.form']);
  });

  test.each<[string, JsonValue]>([
    ['null', null],
    ['no list', { attestation_reports: {} }],
    ['an empty list', { attestation_reports: [] }],
    ['too many', { attestation_reports: Array.from({ length: 65 }, () => null) }],
    ['no body', { attestation_reports: [{ sig: {} }] }],
  ])('malformed: %s', (_, evidence) => expect(failures(check(evidence))).toEqual(['evidence.json.form']));
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  const bytes = csvReport(world, reportData, { signing: { form: 'masked' } });
  const change = fc
    .array(fc.tuple(fc.nat(4095), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const changed = Uint8Array.from(bytes);
      for (const [at, difference] of changes) changed[at] = (changed[at] ?? 0) ^ difference;
      return changed;
    })
    .filter((changed) => Buffer.compare(changed, bytes) !== 0);

  test('report of version 1 as the firmware writes it', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 6, arbitrary: change }, fc.uint8Array({ maxLength: 4096 })), (report) => {
        const result = verifyCsvFiles({ report, hsk_cek: hygon.hskCek(chip) }, { at: NOW, roots: [hygon.hrk()] });
        expect(result.verdict).not.toBe('accept');
        expect(result).not.toHaveProperty('claims');
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  test('HSK and CEK', () => {
    const pair = hygon.hskCek(chip);
    // The second slot of the CEK is the owner's: what stands there is nobody's business.
    const owner = { from: 832 + 1564, to: 832 + 1564 + 152 };
    fc.assert(
      fc.property(fc.nat(pair.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const hskCek = Uint8Array.from(pair);
        hskCek[at] = (hskCek[at] ?? 0) ^ difference;
        const report = csvReport(world, reportData);
        const { verdict } = verifyCsvFiles({ report, hsk_cek: hskCek }, { at: NOW, roots: [hygon.hrk()] });
        expect(verdict).toBe(at >= owner.from && at < owner.to ? 'accept' : 'reject');
      }),
      { numRuns: fuzzRuns(60) },
    );
  });

  test('evidence', () => {
    const good = csvEvidence(world, reportData);
    const evidence = fc.oneof(
      fc.jsonValue(),
      fc.record({ attestation_report: fc.jsonValue(), cert_chain: fc.jsonValue(), serial_number: fc.jsonValue() }),
      fc
        .jsonValue()
        .filter((value) => value !== null)
        .map((value) => ({ ...good, cert_chain: { pek: value } })),
      fc.uint8Array({ minLength: 4096, maxLength: 4096 }).map((data) => ({
        ...good,
        attestation_report: { data: [...data], flags: 1, magic: [...Buffer.from('ATTESTATION_EXT\0')] },
      })),
    );
    fc.assert(
      fc.property(evidence, (value) => {
        expect(run(value as JsonValue).accepted).toBe(false);
        expect(isJsonObject((value ?? null) as JsonValue) ? dcuNeeds(value as JsonValue) : []).toEqual([]);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});
