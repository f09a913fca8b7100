import { encodeBase64, encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSgxVerifier, sgxVerifier } from '../sgx/verifier.js';
import { createTdxVerifier, tdxVerifier } from '../tdx/verifier.js';
import type { Endorsements, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { EMULATED_ORGANIZATION } from '../x509/index.js';
import { COLLATERAL_NAMES, type RawCollateral } from './collateral/raw.js';
import { KEYS, NOW, put, type Spoil, world } from './testing/world.js';

const anchor = { name: 'test root', publicKey: KEYS.root.spki };
const digest = Uint8Array.from({ length: 48 }, () => 0x33);
const expected = { bytes: digest, algorithm: 'sha384', members: 'nonce, tee-pubkey' };

function endorsementsOf(raw: RawCollateral): Endorsements {
  return Object.fromEntries(
    Object.entries(raw).map(([member, bytes]) => [
      COLLATERAL_NAMES[member as keyof RawCollateral],
      bytes as Uint8Array,
    ]),
  );
}

function input(spoil: Spoil = {}, more: Partial<VerifyInput> = {}): VerifyInput {
  const { quote, raw } = world(spoil);
  return {
    evidence: { quote: encodeBase64(quote) },
    reportData: [expected],
    initData: undefined,
    endorsements: endorsementsOf(raw),
    now: NOW,
    ...more,
  };
}

const failing = (result: VerifierResult): string[] => [
  ...new Set(result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const claimsOf = (result: VerifierResult): JsonObject => (result.accepted ? (result.claimSets[0]?.claims ?? {}) : {});
const tdx = createTdxVerifier({ roots: [anchor] });
const sgx = createSgxVerifier({ roots: [anchor] });

describe('claims', () => {
  test('of TDX, by the names that policies read', () => {
    const claims = claimsOf(tdx.verify(input()));
    expect(claims).toMatchObject({
      quote: {
        header: {
          version: '0400',
          att_key_type: '0200',
          tee_type: '81000000',
          reserved: '00000000',
          vendor_id: '939a7233f79c4ca9940a0db3957f0607',
          user_data: '07'.repeat(20),
        },
        body: {
          tcb_svn: `040100${'00'.repeat(13)}`,
          mr_td: '44'.repeat(48),
          mrsigner_seam: '00'.repeat(48),
          td_attributes: '0000001000000000',
          xfam: 'e700060000000000',
          rtmr_3: '00'.repeat(48),
          report_data: encodeHex(digest) + '00'.repeat(16),
        },
      },
      td_attributes: { debug: false, septve_disable: true, protection_keys: false, key_locker: false, perfmon: false },
      tcb_status: 'UpToDate',
      collateral_expiration_status: '0',
      advisory_ids: [],
      earliest_issue_date: '2026-01-01T00:00:00Z',
      latest_issue_date: '2026-06-01T00:00:00Z',
      earliest_expiration_date: '2026-07-01T00:00:00Z',
      tcb_date: '2025-08-13T00:00:00Z',
      pck_crl_num: 7,
      root_ca_crl_num: 7,
      tcb_eval_num: 18,
      platform_provider_id: '01'.repeat(16),
      sgx_type: 'Scalable',
      is_dynamic_platform: true,
      is_cached_keys: false,
      is_smt_enabled: true,
      platform_instance_id: '06'.repeat(16),
      report_data: encodeHex(digest) + '00'.repeat(16),
      init_data: '00'.repeat(48),
    });
    expect(claims['root_key_id']).toMatch(/^[0-9a-f]{96}$/);
    expect(claims).not.toHaveProperty('emulated');
    expect(claims['quote']).not.toHaveProperty('type');
  });

  test('of version 5 and TD report 1.5', () => {
    const body = (bytes: Uint8Array): Uint8Array => put(bytes, 600, 0xee);
    const { quote } = claimsOf(tdx.verify(input({ version: 5, tdReport15: true, body }))) as { quote: JsonObject };
    expect(quote).toMatchObject({
      type: '0300',
      size: '88020000',
      body: { tee_tcb_svn2: `040100${'00'.repeat(13)}`, mr_servicetd: `ee${'00'.repeat(47)}` },
    });
  });

  test('of SGX', () => {
    expect(claimsOf(sgx.verify(input({ tee: 'sgx' })))).toMatchObject({
      header: { version: '0300', att_key_type: '0200', att_key_data_0: '00000000', qe_svn: '0000', pce_svn: '0000' },
      body: {
        'attributes.flags': '0500000000000000',
        'attributes.xfrm': 'e700000000000000',
        mr_enclave: '44'.repeat(32),
        isv_prod_id: '0000',
        config_id: '00'.repeat(64),
      },
      tcb_status: 'UpToDate',
      init_data: '00'.repeat(64),
    });
  });

  test('point to the findings that made them, and every one is there', () => {
    for (const result of [tdx.verify(input({ pceSvn: 10 })), sgx.verify(input({ tee: 'sgx' }))]) {
      if (!result.accepted) throw new Error(failing(result).join());
      const origins = result.claimSets[0]?.origins ?? {};
      const seen = new Set(result.findings.map(({ id }) => id as string));
      expect(seen).toContain(origins['tcb_status']);
      expect(seen).toContain(origins['']);
    }
  });

  test('rest on collateral that ends', () => {
    const result = tdx.verify(input());
    expect(result.collateral).toContainEqual({
      item: 'TCB info',
      issued: '2026-06-01T00:00:00Z',
      next_update: '2026-07-01T00:00:00Z',
    });
    const verdict = assembleVerdict({ kind: 'tdx', at: NOW, asked: false, ...result });
    expect(verdict.valid_until).toBe('2026-07-01T00:00:00Z');
  });
});

describe('binding', () => {
  test('report data: padded to 64 bytes, any one alternative', () => {
    const other = { ...expected, bytes: new Uint8Array(48).fill(1) };
    expect(tdx.verify(input({}, { reportData: [other, expected] }))).toMatchObject({ accepted: true, matched: 1 });
    expect(failing(tdx.verify(input({}, { reportData: [other] })))).toEqual(['binding.report-data.match']);
    expect(tdx.verify(input({}, { reportData: undefined })).accepted).toBe(true);
  });

  test('init-data: MRCONFIGID of a TD, CONFIGID of an enclave', () => {
    const initData = { digest: new Uint8Array(48).fill(0x22), algorithm: 'sha384' };
    expect(failing(tdx.verify(input({}, { initData })))).toEqual(['binding.init-data.match']);
    const fill = (at: number) => (body: Uint8Array) => put(body, at, ...initData.digest);
    expect(tdx.verify(input({ body: fill(184) }, { initData })).accepted).toBe(true);
    expect(sgx.verify(input({ tee: 'sgx', body: fill(192) }, { initData })).accepted).toBe(true);
    expect(failing(sgx.verify(input({ tee: 'sgx' }, { initData })))).toEqual(['binding.init-data.match']);
    const longer = { digest: new Uint8Array(32).fill(0x22) };
    expect(failing(tdx.verify(input({ body: fill(184) }, { initData: longer })))).toEqual(['binding.init-data.match']);
  });
});

describe('emulated hardware', () => {
  const spoil: Spoil = Object.fromEntries(
    (['root', 'ca', 'leaf', 'signer', 'rootCrl', 'pckCrl'] as const).map((part) => [
      part,
      { organization: EMULATED_ORGANIZATION },
    ]),
  );

  test('is refused by default, and told apart from a stranger', () => {
    const result = tdxVerifier.verify(input(spoil));
    expect(result.accepted).toBe(false);
    expect(failing(result)).toContain('evidence.emulated.root');
    const verdict = assembleVerdict({ kind: 'tdx', at: NOW, asked: true, ...result });
    expect(verdict).toMatchObject({ verdict: 'reject', decision: 'refuse' });
    expect(failing(tdxVerifier.verify(input()))).not.toContain('evidence.emulated.root');
    expect(tdxVerifier.verify(input()).accepted).toBe(false);
    expect(sgxVerifier.verify(input({ tee: 'sgx' })).accepted).toBe(false);
  });

  test('is accepted under a root added by name, and the claims say so', () => {
    const result = createTdxVerifier({ emulatedRoots: [anchor] }).verify(input(spoil));
    expect(failing(result)).toEqual([]);
    expect(claimsOf(result)).toMatchObject({ emulated: true, tcb_status: 'UpToDate' });
    expect(result.findings).toContainEqual(
      expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }),
    );
    expect(result.findings).toContainEqual(expect.objectContaining({ id: 'evidence.emulated.root', outcome: 'pass' }));
  });
});

describe('what is outside of authenticity and still not let through', () => {
  test.each<[string, Spoil, Verifier]>([
    ['TD in debug', { body: (b) => put(b, 120, 1) }, tdx],
    ['no SEPT_VE_DISABLE', { body: (b) => put(b, 123, 0) }, tdx],
    ['enclave in debug', { tee: 'sgx', body: (b) => put(b, 48, 7) }, sgx],
    ['revoked quoting enclave', { qeReport: (r) => put(r, 258, 5) }, tdx],
  ])('%s', (_, spoil, verifier) => {
    const result = verifier.verify(input(spoil));
    expect(result.accepted).toBe(false);
    expect(assembleVerdict({ kind: 'tdx', at: NOW, asked: true, ...result })).toMatchObject({
      verdict: 'accept',
      decision: 'refuse',
    });
  });

  test('the owner may let debug through', () => {
    const lenient = createTdxVerifier({ roots: [anchor], appraisal: { allowDebug: true } });
    expect(claimsOf(lenient.verify(input({ body: (b) => put(b, 120, 1) })))).toMatchObject({
      td_attributes: { debug: true },
    });
  });
});

describe('endorsements', () => {
  test('as single pieces, as the answers of PCS, or as one bundle', () => {
    const { raw } = world();
    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
    const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
    const pieces = endorsementsOf(raw);
    const { qe_identity_signature: _, tcb_info_signature: __, ...answers } = pieces;
    const pcs = {
      ...answers,
      tcb_info: bytes(` {"signature":"${text(raw.tcbInfoSignature)}", "tcbInfo" : ${text(raw.tcbInfo)}}\n`),
      qe_identity: bytes(`{"enclaveIdentity":${text(raw.qeIdentity)},"signature":"${text(raw.qeIdentitySignature)}"}`),
    };
    const names = Object.entries(pieces).map(([name, piece]) => [
      name,
      name.endsWith('crl') ? encodeHex(piece) : text(piece),
    ]);
    const bundle = { collateral: bytes(JSON.stringify(Object.fromEntries(names))) };
    for (const endorsements of [pieces, pcs, bundle]) {
      expect(failing(tdx.verify(input({}, { endorsements })))).toEqual([]);
      // Again: kept by the exact bytes.
      expect(tdx.verify(input({}, { endorsements })).accepted).toBe(true);
    }
    const changed = { ...pieces, tcb_info: put(pieces['tcb_info'] ?? new Uint8Array(), 20, 0x41) };
    expect(failing(tdx.verify(input({}, { endorsements: changed })))).toEqual(['dcap.tcbinfo.signature']);
  });

  test('none, or none that can be read, are incomplete', () => {
    for (const endorsements of [
      {},
      { collateral: new TextEncoder().encode('{"tcb_info":1}') },
      { collateral: new Uint8Array() },
    ]) {
      const result = tdx.verify(input({}, { endorsements }));
      expect(result.accepted).toBe(false);
      expect(assembleVerdict({ kind: 'tdx', at: NOW, asked: false, ...result }).verdict).toBe('incomplete');
    }
  });
});

describe('evidence', () => {
  const { quote } = input().evidence as { quote: string };
  test.each<[string, JsonValue]>([
    ['a text', quote],
    ['null', null],
    ['a list', [quote]],
    ['no quote', {}],
    ['bytes', { quote: [1, 2, 3] }],
    ['empty', { quote: '' }],
    ['base64url', { quote: quote.replaceAll('+', '-').replaceAll('/', '_') }],
    ['hex', { quote: Buffer.from(quote, 'base64').toString('hex').slice(1) }],
    ['huge', { quote: 'A'.repeat(400_000) }],
    ['inherited', JSON.parse(`{"__proto__":{"quote":"${quote}"}}`) as JsonValue],
    ['event log as number', { quote, cc_eventlog: 1 }],
    ['event log that is not base64', { quote, cc_eventlog: '%' }],
  ])('malformed: %s', (_, evidence) => {
    const result = tdx.verify(input({}, { evidence }));
    expect(failing(result)).toEqual(['evidence.json.form']);
    expect(assembleVerdict({ kind: 'tdx', at: NOW, asked: false, ...result }).verdict).toBe('reject');
  });

  test('members of other releases are left alone; an absent log is no log', () => {
    for (const more of [{}, { cc_eventlog: null }, { cc_eventlog: '' }, { aa_eventlog: null }, { other: 1 }]) {
      const result = tdx.verify(input({}, { evidence: { quote, ...more } }));
      expect(failing(result)).toEqual([]);
      expect(claimsOf(result)).not.toHaveProperty('uefi_event_logs');
    }
  });

  test('an event log that does not replay is a finding and never a claim', () => {
    const result = tdx.verify(input({}, { evidence: { quote, cc_eventlog: encodeBase64(new Uint8Array(100)) } }));
    expect(result.accepted).toBe(false);
    expect(failing(result).every((id) => id.startsWith('eventlog.'))).toBe(true);
    expect(claimsOf(result)).toEqual({});
  });

  test('a quote of the other TEE is not taken', () => {
    expect(failing(sgx.verify(input()))).toEqual(['dcap.quote.tee-type']);
    expect(failing(tdx.verify(input({ tee: 'sgx' })))).toEqual(['dcap.quote.tee-type']);
  });
});

describe('fuzz', () => {
  test('fuzz: a changed quote is never accepted, and never throws', () => {
    const tees = [
      { verifier: tdx, sound: input() },
      { verifier: sgx, sound: input({ tee: 'sgx' }) },
      { verifier: tdx, sound: input({ version: 5, tdReport15: true }) },
    ].map((one) => ({ ...one, bytes: Buffer.from((one.sound.evidence as { quote: string }).quote, 'base64') }));
    const change = fc.oneof(
      fc.record({ at: fc.nat(), value: fc.nat(255) }),
      fc.record({ cut: fc.nat() }),
      fc.record({ insert: fc.nat(), bytes: fc.uint8Array({ maxLength: 16 }) }),
    );
    fc.assert(
      fc.property(fc.nat(2), fc.array(change, { minLength: 1, maxLength: 3 }), (which, changes) => {
        const { bytes: sound, sound: asked, verifier } = tees[which] ?? (tees[0] as (typeof tees)[number]);
        let bytes: Buffer = Buffer.from(sound);
        for (const one of changes) {
          if ('cut' in one) bytes = bytes.subarray(0, one.cut % (bytes.length + 1));
          else if ('insert' in one) {
            const at = one.insert % (bytes.length + 1);
            bytes = Buffer.concat([bytes.subarray(0, at), one.bytes, bytes.subarray(at)]);
          } else if (bytes.length > 0) bytes[one.at % bytes.length] = one.value;
        }
        const result = verifier.verify({ ...asked, evidence: { quote: bytes.toString('base64') } });
        if (result.accepted) {
          // What follows the quote is not part of it, and PEM has more than one spelling; what is claimed must be the same.
          expect(result.claimSets).toEqual((verifier.verify(asked) as { claimSets: unknown }).claimSets);
        } else expect(result.findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
      }),
      { numRuns: fuzzRuns(400) },
    );
  });

  test('fuzz: changed collateral is never accepted, and never throws', () => {
    const sound = input();
    const pieces = Object.entries(sound.endorsements ?? {});
    const signed = ['tcb_info', 'qe_identity', 'root_ca_crl', 'pck_crl'];
    fc.assert(
      fc.property(fc.nat(pieces.length - 1), fc.nat(), fc.nat(255), (which, at, value) => {
        const [name, piece] = pieces[which] ?? ['', new Uint8Array()];
        const changed = Uint8Array.from(piece);
        const index = at % changed.length;
        const same = changed[index] === value;
        changed[index] = value;
        const result = tdx.verify({ ...sound, endorsements: { ...sound.endorsements, [name]: changed } });
        if (signed.includes(name) && !same) expect(result.accepted).toBe(false);
        if (result.accepted) expect(claimsOf(result)).toEqual(claimsOf(tdx.verify(sound)));
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
