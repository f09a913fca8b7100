import { createHash, randomBytes } from 'node:crypto';
import { encodeHex, encodeUtf8 } from '@assay/bytes';
import { verifyAzFiles } from '@assay/evidence/az';
import { initDataPcr, marshalPublic, spkiOf, verifyTpmFiles } from '@assay/evidence/tpm';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  akArea,
  azSnpEvidence,
  azTdxEvidence,
  azureTpm,
  createTestWorld,
  type EmulatedTpmQuote,
  type TestWorld,
  type TpmOverrides,
  tpmQuote,
} from '../index.js';
import { createCachedTestWorld } from '../testing/index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const NONCE = Uint8Array.from(randomBytes(48));
const INIT_DATA = Uint8Array.from(createHash('sha256').update('init-data').digest());

interface Result {
  readonly verdict?: string;
  readonly findings: readonly { readonly id: string; readonly outcome: string; readonly actual?: unknown }[];
}
const failures = ({ findings }: Result): readonly string[] => [
  ...new Set(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];

function pcrFile({ pcrs }: Pick<EmulatedTpmQuote, 'pcrs'>): Uint8Array {
  const values = Object.fromEntries(pcrs.map((value, index) => [String(index), encodeHex(value)]));
  return encodeUtf8(JSON.stringify({ bank: 'sha256', values }));
}

describe('assay verify tpm', () => {
  const world = createTestWorld({ now: () => NOW, random: randomBytes });
  const ak = akArea(world.tpm.ak(world.tpm.machine()));
  const filesOf = (overrides: TpmOverrides = {}) => {
    const quote = tpmQuote(world, NONCE, { initData: INIT_DATA, ...overrides });
    return {
      quote_msg: quote.message,
      quote_sig: quote.signature,
      pcrs: pcrFile(quote),
      ak_spki: spkiOf(ak),
      ...(quote.log === undefined ? {} : { event_log: quote.log }),
    };
  };
  const at = { at: NOW };

  test('the AK that is given is trusted, and everything is shown', () => {
    const result = verifyTpmFiles({ ...filesOf(), ak_public: marshalPublic(ak) }, at);
    expect(failures(result)).toEqual([]);
    expect(result).toMatchObject({
      verdict: 'accept',
      signature: true,
      pcr_digest_matches: true,
      extra_data: encodeHex(NONCE),
      ak_attributes: { restricted: true, decrypt: false },
      event_log_replays: { 0: true, 7: true, 12: true },
      policy_claims: { ak_trust: 'enrolled', init_data: encodeHex(initDataPcr(INIT_DATA)) },
    });
  });

  test('what it is to be bound to is compared', () => {
    const bound = { ...at, reportData: NONCE, initDataDigest: INIT_DATA };
    expect(failures(verifyTpmFiles(filesOf(), bound))).toEqual([]);
    expect(failures(verifyTpmFiles(filesOf(), { ...at, reportData: INIT_DATA }))).toEqual([
      'binding.report-data.match',
    ]);
    expect(failures(verifyTpmFiles(filesOf(), { ...at, initDataDigest: NONCE }))).toEqual(['binding.init-data.match']);
    expect(failures(verifyTpmFiles(filesOf({ selection: [] }), { ...at, initDataDigest: INIT_DATA }))).toEqual([
      'tpm.pcr.selection',
    ]);
  });

  test('a public area alone is vouched for by nothing, but a root that is given', () => {
    const { ak_spki: _spki, ...files } = filesOf();
    const area = { ...files, ak_public: marshalPublic(ak) };
    expect(failures(verifyTpmFiles(area, at))).toEqual(['tpm.key.trust']);
    expect(verifyTpmFiles(area, at)).not.toHaveProperty('policy_claims');
    const certified = { ...area, ak_cert: Buffer.from(world.tpm.akChain(world.tpm.machine())) };
    expect(failures(verifyTpmFiles(certified, at))).toEqual(['tpm.key.trust']);
    const roots = [Buffer.from(world.tpm.root().pem)];
    expect(verifyTpmFiles(certified, { ...at, roots })).toMatchObject({
      verdict: 'accept',
      ak_cert_matches_key: true,
      policy_claims: { ak_trust: 'certificate' },
    });
    const other = { ...area, ak_cert: world.tpm.akCertificate(world.tpm.machine(), { key: world.tpm.stranger() }).der };
    expect(verifyTpmFiles(other, { ...at, roots })).toMatchObject({ verdict: 'reject', ak_cert_matches_key: false });
    const damaged = { ...area, ak_cert: Uint8Array.of(0x30, 0x03, 1, 1, 1) };
    expect(verifyTpmFiles(damaged, { ...at, roots })).toMatchObject({ verdict: 'reject', ak_cert_matches_key: false });
  });

  test('a log whose replay differs is shown by register', () => {
    const files = { ...filesOf(), event_log: tpmQuote(world, NONCE, { events: [] }).log ?? new Uint8Array() };
    expect(failures(verifyTpmFiles(files, at))).toEqual(['eventlog.register.replay']);
    const changed = { ...filesOf(), pcrs: pcrFile(tpmQuote(world, NONCE, { events: [] })) };
    expect(verifyTpmFiles(changed, at)).toMatchObject({ event_log_replays: { 0: false } });
  });

  test.each(['quote_msg', 'quote_sig', 'pcrs'])('%s must be there', (role) => {
    const files = Object.fromEntries(Object.entries(filesOf()).filter(([name]) => name !== role));
    expect(() => verifyTpmFiles(files, at)).toThrow(`file ${role} is missing`);
  });

  test('an AK must be there', () => {
    const { ak_spki: _spki, ...files } = filesOf();
    expect(() => verifyTpmFiles(files, at)).toThrow('file ak_spki is missing');
  });

  test.each([
    ['[]', 'is due'],
    ['{"bank": "md5", "values": {}}', 'is due'],
    ['{"bank": 256, "values": {}}', 'is due'],
    ['{"bank": "sha256"}', 'is due'],
    ['{"bank": "sha256", "values": []}', 'is due'],
    ['{"bank": "sha256", "values": {"x": "00"}}', 'index `x`'],
    ['{"bank": "sha256", "values": {"07": "00"}}', 'index `07`'],
    ['{"bank": "sha256", "values": {"7": 1}}', 'no text'],
    ['{"bank": "sha256", "values": {"7": "xx"}}', 'hex'],
  ])('values %s are refused', (text, reason) => {
    expect(() => verifyTpmFiles({ ...filesOf(), pcrs: encodeUtf8(text) }, at)).toThrow(reason);
  });
});

describe('assay verify az', () => {
  let world: TestWorld;
  let roots: readonly Uint8Array[];
  beforeAll(async () => {
    world = await createCachedTestWorld(() => NOW);
    roots = [world.amd.ark('Milan').der, Buffer.from(world.intel.pki.root().pem)];
  }, 60_000);

  const decoded = (text: unknown): Uint8Array => Uint8Array.from(Buffer.from(String(text), 'base64url'));
  function filesOf(kind: 'snp' | 'tdx') {
    const tpm = { initData: INIT_DATA };
    const evidence = (kind === 'snp' ? azSnpEvidence : azTdxEvidence)(world, NONCE, { tpm });
    const quote = tpmQuote(world, NONCE, { ...tpm, tpm: azureTpm(world) });
    const { amd, intel } = world;
    const { message, signature } = evidence['tpm_quote'] as { message: string; signature: string };
    return {
      hcl_report: decoded(evidence['hcl_report']),
      tpm_quote_msg: Uint8Array.from(Buffer.from(message, 'hex')),
      tpm_quote_sig: Uint8Array.from(Buffer.from(signature, 'hex')),
      pcrs: pcrFile(quote),
      ...(kind === 'snp'
        ? { vcek: decoded(evidence['vcek']), ask: amd.intermediate('ask', 'Milan').der, ark: amd.ark('Milan').der }
        : {
            td_quote: decoded(evidence['td_quote']),
            collateral: encodeUtf8(JSON.stringify(intel.collateral({ tee: 'tdx', platform: intel.platform() }))),
          }),
    };
  }

  describe.each(['snp', 'tdx'] as const)('on %s', (kind) => {
    test('is accepted under the roots that are given, and shows what is beneath', () => {
      const result = verifyAzFiles(filesOf(kind), { at: NOW, roots, reportData: NONCE, initDataDigest: INIT_DATA });
      expect(failures(result)).toEqual([]);
      expect(result).toMatchObject({
        verdict: 'accept',
        kind: `az-${kind}-vtpm`,
        binding: true,
        ak_signature: true,
        tpm_nonce: encodeHex(NONCE),
        policy_claims: { report_data: encodeHex(NONCE), init_data: encodeHex(initDataPcr(INIT_DATA)) },
        [kind]: { debug: false },
      });
    });

    test('binds what it binds, and nothing else', () => {
      const other = { at: NOW, roots, reportData: INIT_DATA };
      expect(failures(verifyAzFiles(filesOf(kind), other))).toEqual(['binding.report-data.match']);
      const initData = { at: NOW, roots, initDataDigest: new Uint8Array(32) };
      expect(failures(verifyAzFiles(filesOf(kind), initData))).toEqual(['binding.init-data.match']);
    });

    test('is incomplete without the quote of the vTPM', () => {
      const { tpm_quote_msg: _message, ...files } = filesOf(kind);
      const result = verifyAzFiles(files, { at: NOW, roots });
      expect(result.verdict).toBe('incomplete');
      expect(failures(result)).toEqual(['az.evidence.complete']);
      expect(result).not.toHaveProperty('policy_claims');
    });

    test('is incomplete without what the vendor says', () => {
      const {
        ask: _ask,
        ark: _ark,
        vcek: _vcek,
        collateral: _collateral,
        ...files
      } = filesOf(kind) as Record<string, Uint8Array>;
      expect(verifyAzFiles(files, { at: NOW, roots }).verdict).toBe('incomplete');
    });

    test('is refused under the vendor’s own roots', () => {
      expect(verifyAzFiles(filesOf(kind), { at: NOW }).verdict).toBe('reject');
    });

    test('shows the AK certificate, with its chain when that is given', () => {
      const tpm = azureTpm(world);
      const ak_cert = encodeUtf8(`${world.tpm.akCertificate(tpm).pem}\0\0\0`);
      const alone = verifyAzFiles({ ...filesOf(kind), ak_cert }, { at: NOW, roots });
      expect(alone).toMatchObject({
        verdict: 'accept',
        ak_cert: {
          subject: 'OU=Assay emulated test root\\, not for production,O=Assay emulated TEE,CN=emulated TPM azure-vtpm',
          key_matches_hcl_ak: true,
        },
      });
      expect(alone['ak_cert']).not.toHaveProperty('chain');
      const ak_intermediates = encodeUtf8(world.tpm.intermediate().pem + world.tpm.root().pem);
      const chained = verifyAzFiles({ ...filesOf(kind), ak_cert, ak_intermediates }, { at: NOW, roots });
      expect(chained['ak_cert']).toMatchObject({ chain_links_ok: true, root_included: true });
      expect((chained['ak_cert'] as { chain: readonly string[] }).chain).toHaveLength(3);
      const cut = { ...filesOf(kind), ak_cert, ak_intermediates: encodeUtf8(world.tpm.intermediate().pem) };
      expect(verifyAzFiles(cut, { at: NOW, roots })['ak_cert']).toMatchObject({ root_included: false });
    });
  });

  test('a TD quote is missing where the header says TDX', () => {
    const { td_quote: _quote, ...files } = filesOf('tdx') as Record<string, Uint8Array>;
    const result = verifyAzFiles(files, { at: NOW, roots });
    expect(result.verdict).toBe('incomplete');
    expect(failures(result)).toEqual(['az.evidence.complete']);
  });

  test('files that do not go together are refused', () => {
    expect(() => verifyAzFiles({}, { at: NOW })).toThrow('file hcl_report is missing');
    for (const role of ['tpm_quote_sig', 'pcrs']) {
      const files = Object.fromEntries(Object.entries(filesOf('snp')).filter(([name]) => name !== role));
      expect(() => verifyAzFiles(files, { at: NOW })).toThrow('are due with tpm_quote_msg');
    }
    expect(verifyAzFiles({ hcl_report: new Uint8Array(100) }, { at: NOW }).verdict).toBe('reject');
    const large = verifyAzFiles({ hcl_report: new Uint8Array(9000) }, { at: NOW });
    expect(large.findings[0]).toMatchObject({ id: 'az.hcl.form', actual: '9000 bytes are too many' });
    const { td_quote: quote } = filesOf('tdx') as Record<string, Uint8Array>;
    const mixed = verifyAzFiles(
      { ...filesOf('snp'), ...(quote === undefined ? {} : { td_quote: quote }) },
      { at: NOW, roots },
    );
    expect(mixed).toMatchObject({ verdict: 'reject', kind: 'az-tdx-vtpm' });
    expect(failures(mixed)).toContain('az.hcl.kind');
  });
});
