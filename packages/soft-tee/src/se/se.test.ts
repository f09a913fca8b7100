import { createECDH, createHash, ECDH, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import {
  decodeBase64,
  encodeBase64,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assembleVerdict } from '@assay/bytes/findings';
import type { Verifier, VerifierResult, VerifyInput } from '@assay/evidence';
import {
  buildRequest,
  createSeVerifier,
  hostKeyOfPoint,
  imageTags,
  MeasurementSeal,
  measure,
  type SeMaterials,
  verifySeFiles,
} from '@assay/evidence/se';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SeOverrides, seEvidence } from '../attester/se.js';
import { SE_DEFECTS, type SeDefect, type SeDefectName, seFiles } from '../defects/se.js';
import { createTestWorld } from '../world.js';
import { authorityKeyIdentifier } from '../x509/extension.js';
import type { EmulatedName } from '../x509/name.js';
import { tags } from './image.js';
import { type SeOrders, SIGNING_KEY_SUBJECT } from './pki.js';
import { attest, hostKeyHash, publicPoint, UltravisorError } from './ultravisor.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const { se } = world;
const keyPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const seal = new MeasurementSeal(keyPair.privateKey);
const reportData = new Uint8Array(randomBytes(64));
const asked = { bytes: reportData, algorithm: 'sha512', members: 'nonce, tee-pubkey' };
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function materials(orders: SeOrders = {}, more: Partial<SeMaterials> = {}): SeMaterials {
  const files = seFiles(world, orders);
  return {
    hostKeyDocuments: [{ name: 'machine-1.crt', bytes: bytesOf(files.hostKeyDocument) }],
    certificates: files.certificates.map(bytesOf),
    crls: files.crls.map(bytesOf),
    roots: [bytesOf(files.root)],
    emulatedRoots: [world.anchors().se],
    imageTags: [imageTags(files.imageHeader)],
    seal: () => seal,
    ...more,
  };
}

const verifier = createSeVerifier(materials());
const challengeOf = (one: Verifier, now = NOW): string => one.challenge?.('', random, now) ?? '';

function run(evidence: JsonValue, more: Partial<VerifyInput> = {}, using = verifier): VerifierResult {
  return using.verify({ evidence, reportData: [asked], initData: undefined, now: NOW, ...more });
}
function answer(overrides: SeOverrides = {}, challenge = challengeOf(verifier)): JsonObject {
  return seEvidence(world, reportData, overrides, challenge);
}
const failures = ({ findings }: Pick<VerifierResult, 'findings'>): string[] =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const verdictOf = ({ findings }: VerifierResult): string | undefined =>
  assembleVerdict({ kind: 'se', at: NOW, asOf: true, asked: false, findings }).verdict;

describe('an ordinary guest', () => {
  test('is accepted, and its claims are what the ultravisor measured', () => {
    const result = run(answer());
    expect(failures(result)).toEqual([]);
    const { configUid } = se.guest();
    expect(result).toMatchObject({
      accepted: true,
      matched: 0,
      claimSets: [
        {
          class: 'cpu',
          claims: {
            version: 256,
            cuid: Buffer.from(configUid).toString('hex'),
            tag: Buffer.from(se.image().tag).toString('hex'),
            image_phkh: Buffer.from(hostKeyHash(se.machine())).toString('hex'),
            attestation_phkh: Buffer.from(hostKeyHash(se.machine())).toString('hex'),
            report_data: Buffer.from(reportData).toString('hex'),
            emulated: true,
          },
        },
      ],
    });
    expect(result.collateral).toHaveLength(3);
  });

  test('may put more behind the report data; report data that were not asked for are not compared', () => {
    expect(run(answer({ moreUserData: new Uint8Array(192).fill(5) })).accepted).toBe(true);
    const result = run(answer(), { reportData: undefined, initData: { digest: new Uint8Array(32) } });
    expect(result.accepted).toBe(true);
    const unasked = result.findings.filter(({ id }) => id.startsWith('binding.'));
    expect(unasked.map(({ outcome }) => outcome)).toEqual(['not-checked', 'not-checked']);
    expect(unasked[1]?.title).toContain('no register');
  });

  test('may run any image that the owner set', () => {
    const second = se.image('image-2');
    const two = createSeVerifier(materials({}, { imageTags: [tags(se.image()), tags(second)] }));
    const evidence = answer({ guest: se.guest('guest-1', second) }, challengeOf(two));
    expect(run(evidence, {}, two)).toMatchObject({
      accepted: true,
      claimSets: [{ claims: { tag: Buffer.from(second.tag).toString('hex') } }],
    });
    expect(failures(run(evidence))).toEqual(['se.measurement.valid']);
  });

  test('may have an image that another host key opened', () => {
    const hash = random(32);
    expect(run(answer({ guest: { ...se.guest(), imageHostKeyHash: hash } }))).toMatchObject({
      accepted: true,
      claimSets: [{ claims: { image_phkh: Buffer.from(hash).toString('hex') } }],
    });
  });

  test('under a root that does not say it is emulated, claims do not either', () => {
    const subject: EmulatedName = [['CN', 'a root like any other']];
    const orders: SeOrders = {
      root: { subject, issuer: subject },
      intermediate: { issuer: subject },
      rootCrl: { issuer: subject },
    };
    const genuine = createSeVerifier(materials(orders, { emulatedRoots: [] }));
    const result = run(answer(), {}, genuine);
    expect(failures(result)).toEqual([]);
    expect(result.accepted && result.claimSets[0]?.claims).not.toHaveProperty('emulated');
    expect(result.findings.find(({ id }) => id === 'evidence.hardware.backed')?.outcome).toBe('pass');
  });

  test('may be on any of several machines', () => {
    const second = se.machine('machine-2');
    const documents = [se.machine(), second].map((machine) => ({
      name: `${machine.id}.crt`,
      bytes: bytesOf(se.pki.document(machine).pem),
    }));
    const both = createSeVerifier(materials({}, { hostKeyDocuments: documents }));
    const evidence = answer({ machine: second }, challengeOf(both));
    expect(run(evidence, {}, both).accepted).toBe(true);
    // The other server does not know that machine, and the machine is in none of its requests.
    expect(failures(run(evidence))).toEqual(['se.host-key.match']);
    expect(() => answer({ machine: second })).toThrow(UltravisorError);
  });
});

describe('defects', () => {
  test.each(Object.keys(SE_DEFECTS) as SeDefectName[])('%s', (name) => {
    const { finding, guest, vendor, verdict }: SeDefect = SE_DEFECTS[name];
    if (vendor === undefined) {
      const result = run(answer(guest?.(world)));
      expect(result.accepted).toBe(false);
      expect(failures(result)).toContain(finding);
      expect(verdictOf(result)).toBe(verdict);
      return;
    }
    // A server that was set up so makes no challenge, and judges evidence for an earlier one.
    const broken = createSeVerifier(materials(vendor(world)));
    expect(() => challengeOf(broken)).toThrow(expect.objectContaining({ code: 'se.challenge.ready' }) as AssayError);
    const result = run(answer(), {}, broken);
    expect(result.accepted).toBe(false);
    if (name === 'host-key-curve') {
      expect(failures(result)).toEqual(['se.host-key.match']);
      return;
    }
    expect(failures(result)).toContain(finding);
    expect(verdictOf(result)).toBe(verdict);
  });
});

describe('what the owner sets', () => {
  const refuses = (more: Partial<SeMaterials>): string => {
    try {
      challengeOf(createSeVerifier(materials({}, more)));
    } catch (error) {
      const { causes = [], title } = (error as AssayError).finding;
      return [title, ...causes.map(({ text }) => text)].join('; ');
    }
    return 'made';
  };

  test('nothing: there is no challenge, and it says what is missing', () => {
    expect(refuses({ hostKeyDocuments: [] })).toContain('no host-key document is set');
    expect(refuses({ imageTags: [] })).toContain('no image header is set');
  });

  test('an emulated root is trusted only where it is named', () => {
    const unnamed = createSeVerifier(materials({}, { emulatedRoots: [] }));
    expect(failures(run(answer(), {}, unnamed))).toEqual(['se.signing-key.chain']);
    expect(refuses({ emulatedRoots: [] })).toContain('the root is none of the trusted ones');
  });

  test.each([0, 1, 2])('without CRL %i nothing is accepted', (left) => {
    const crls = materials().crls.filter((_, index) => index !== left);
    const result = run(answer(), {}, createSeVerifier(materials({}, { crls })));
    // The root's own CRL is the intermediate's: each of the three is needed.
    expect(failures(result)).toEqual(['se.crl.missing']);
    expect(verdictOf(result)).toBe('incomplete');
  });

  test('without the intermediate certificate there is no chain', () => {
    const [signing] = materials().certificates;
    const result = run(
      answer(),
      {},
      createSeVerifier(materials({}, { certificates: signing === undefined ? [] : [signing] })),
    );
    expect(failures(result)).toContain('se.signing-key.chain');
  });

  test('a signing key directly under the root is refused', () => {
    const orders: SeOrders = {
      signingKey: { issuer: se.pki.root().fields.subject, signer: se.pki.rootKey, extensions: [] },
    };
    const { certificates } = materials(orders);
    const direct = createSeVerifier(materials(orders, { certificates: certificates.slice(0, 1) }));
    const chain = run(answer(), {}, direct).findings.filter(
      ({ id, outcome }) => id === 'se.signing-key.chain' && outcome === 'fail',
    );
    expect(chain.map(({ title }) => title)).toEqual([expect.stringContaining('at least one intermediate')]);
  });

  test.each([
    ['C', 'DE'],
    ['ST', 'Vermont'],
    ['L', 'Boeblingen'],
    ['O', 'Somebody'],
    ['CN', 'Somebody'],
    ['OU', 'IBM Z Host Key Signing Servant'],
    ['OU', undefined],
  ] as const)('a signing key whose %s is %s is none', (type, value) => {
    const subject = SIGNING_KEY_SUBJECT.flatMap((attribute): EmulatedName => {
      if (attribute[0] !== type) return [attribute];
      return value === undefined ? [] : [[type, value]];
    });
    const result = run(answer(), {}, createSeVerifier(materials({ signingKey: { subject } })));
    expect(failures(result)).toContain('se.signing-key.subject');
  });

  test('a signing key with one attribute more is none', () => {
    const subject: EmulatedName = [...SIGNING_KEY_SUBJECT, ['OU', 'more']];
    const result = run(answer(), {}, createSeVerifier(materials({ signingKey: { subject } })));
    expect(failures(result)).toContain('se.signing-key.subject');
  });

  test('a weak RSA key in the chain is refused', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const result = run(answer(), {}, createSeVerifier(materials({ signingKey: { key: privateKey } })));
    const titles = result.findings.filter(({ id }) => id === 'se.signing-key.chain').map(({ title = '' }) => title);
    expect(titles.join()).toContain('1024 bits');
  });

  test('a host-key document that names another key of its issuer is refused', () => {
    const extensions = [authorityKeyIdentifier(world.stranger('P-384'))];
    const result = run(answer(), {}, createSeVerifier(materials({ hostKey: { extensions } })));
    expect(failures(result)).toEqual(['se.host-key.trust']);
  });

  test('only what the signing key issued may spell its issuer otherwise', () => {
    const issuer = [...se.pki.intermediate().fields.subject].reverse();
    const result = run(answer(), {}, createSeVerifier(materials({ intermediateCrl: { issuer } })));
    expect(failures(result)).toEqual(expect.arrayContaining(['se.crl.trust', 'se.crl.missing']));
  });

  test('two signing keys are one too many', () => {
    const other = se.pki.signing({ serial: 77n }).pem;
    const certificates = [...materials().certificates, bytesOf(other)];
    expect(failures(run(answer(), {}, createSeVerifier(materials({}, { certificates }))))).toContain(
      'se.signing-key.subject',
    );
  });

  test('of two CRLs of one issuer the newer one’s dates count, and both lists', () => {
    const old = se.pki.crls({
      signingKeyCrl: { thisUpdate: new Date('2026-01-01'), nextUpdate: new Date('2026-02-01') },
    })[2];
    const both = materials({}, { crls: [bytesOf(old ?? ''), ...materials().crls] });
    expect(run(answer(), {}, createSeVerifier(both)).accepted).toBe(true);
    const revoking = se.pki.crls({
      signingKeyCrl: {
        thisUpdate: new Date('2026-01-01'),
        nextUpdate: new Date('2026-02-01'),
        revoked: [{ serial: 4n, date: new Date('2025-12-01') }],
      },
    })[2];
    const revoked = materials({}, { crls: [bytesOf(revoking ?? ''), ...materials().crls] });
    expect(failures(run(answer(), {}, createSeVerifier(revoked)))).toEqual(['se.host-key.revoked']);
  });

  test('files that are no certificates or CRLs are told', () => {
    const broken = materials({}, { certificates: [bytesOf('x')], crls: [bytesOf('x')] });
    const failed = failures(run(answer(), {}, createSeVerifier(broken)));
    expect(failed).toEqual(
      expect.arrayContaining(['se.signing-key.chain', 'se.signing-key.subject', 'se.crl.missing']),
    );
    const documents = [{ name: 'x', bytes: bytesOf('x') }];
    expect(failures(run(answer(), {}, createSeVerifier(materials({}, { hostKeyDocuments: documents }))))).toEqual([
      'se.host-key.match',
    ]);
  });

  test('dates are judged at each use', () => {
    const later = new Date('2026-08-01T00:00:00Z');
    expect(() => challengeOf(verifier, later)).toThrow(
      expect.objectContaining({ code: 'se.challenge.ready' }) as AssayError,
    );
    expect(failures(run(answer(), { now: later }))).toEqual(['se.crl.dates', 'se.crl.dates', 'se.crl.dates']);
  });

  test('a host key that is not trusted now is in no request', () => {
    const machines = [se.machine(), se.machine('machine-2')];
    const [good, bad] = [
      se.pki.document(machines[0] ?? se.machine()),
      se.pki.document(machines[1] ?? se.machine(), { notAfter: new Date('2026-05-01') }),
    ];
    const documents = [bad, good].map(({ pem }, index) => ({ name: `${index}`, bytes: bytesOf(pem) }));
    const challenge = challengeOf(createSeVerifier(materials({}, { hostKeyDocuments: documents })));
    const request = decodeBase64(String((parseJsonStrict(challenge) as JsonObject)['request_blob']));
    expect(request[39]).toBe(1);
    expect(() => answer({ machine: se.machine('machine-2') }, challenge)).toThrow('no slot');
  });
});

describe('who knows only the public key', () => {
  test('cannot make evidence: a measurement key of his own is not taken', () => {
    const [measurementKey, nonce] = [random(64), random(16)];
    const sealWith = (text: Uint8Array): string =>
      encodeBase64(new Uint8Array(publicEncrypt({ key: keyPair.publicKey, oaepHash: 'sha256' }, text)));
    const items = {
      imageTags: tags(se.image()),
      configUid: random(16),
      userData: reportData,
      nonce,
      additionalData: Uint8Array.from([...hostKeyHash(se.machine()), ...hostKeyHash(se.machine())]),
    };
    const result = run({
      measurement: encodeBase64(measure(measurementKey, items)),
      additional_data: encodeBase64(items.additionalData),
      user_data: encodeBase64(items.userData),
      cuid: encodeBase64(items.configUid),
      encr_measurement_key: sealWith(measurementKey),
      encr_request_nonce: sealWith(nonce),
      image_hdr_tags: encodeBase64(items.imageTags),
    });
    expect(failures(result)).toEqual(['se.challenge.own']);
    expect(result.findings.find(({ id }) => id === 'se.measurement.valid')?.outcome).toBe('not-checked');
  });

  test('cannot join the key of one request with the nonce of another', () => {
    const [one, two] = [answer(), answer()];
    const joined = { ...one, encr_request_nonce: two['encr_request_nonce'] ?? '' };
    expect(failures(run(joined))).toEqual(['se.challenge.own']);
  });

  test('is told the same whatever is wrong with the sealed members', () => {
    const good = answer();
    const wrong = [
      random(seal.size),
      new Uint8Array(seal.size),
      seal.seal(random(64)),
      seal.seal(random(63)),
      new Uint8Array(publicEncrypt({ key: keyPair.publicKey, padding: 1 }, random(64))),
    ].map((bytes) => run({ ...good, encr_measurement_key: encodeBase64(bytes) }));
    const [first] = wrong;
    for (const result of wrong) expect(JSON.stringify(result)).toBe(JSON.stringify(first));
    expect(failures(first ?? { findings: [] })).toEqual(['se.challenge.own']);
  });

  test('and the key of another server opens nothing', () => {
    const other = createSeVerifier(
      materials(
        {},
        { seal: () => new MeasurementSeal(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey) },
      ),
    );
    expect(failures(run(answer(), {}, other))).toEqual(['se.challenge.own']);
    // Replicas with one key open each other's.
    const replica = createSeVerifier(
      materials(
        {},
        { seal: () => new MeasurementSeal(keyPair.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()) },
      ),
    );
    expect(run(answer({}, challengeOf(replica))).accepted).toBe(true);
  });

  test.each([
    ['too short', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
    ['not RSA', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['no key', 'nothing of the kind'],
  ])('a key pair that is %s is refused, and its text not repeated', (_, key) => {
    expect(() => new MeasurementSeal(key)).toThrow(RangeError);
    expect(() => new MeasurementSeal(key)).not.toThrow(/nothing of the kind/);
  });
});

describe('the challenge', () => {
  test('has the members that guests read, and another request each time', () => {
    const [one, two] = [challengeOf(verifier), challengeOf(verifier)].map(
      (text) => parseJsonStrict(text) as JsonObject,
    );
    expect(Object.keys(one ?? {})).toEqual([
      'request_blob',
      'measurement_size',
      'additional_size',
      'encr_measurement_key',
      'encr_request_nonce',
      'image_hdr_tags',
    ]);
    expect(one).toMatchObject({
      measurement_size: 64,
      additional_size: 64,
      image_hdr_tags: encodeBase64(tags(se.image())),
    });
    for (const name of ['request_blob', 'encr_measurement_key', 'encr_request_nonce'])
      expect(one?.[name]).not.toBe(two?.[name]);
  });

  test('holds neither measurement key nor nonce in clear', () => {
    const challenge = parseJsonStrict(challengeOf(verifier)) as JsonObject;
    const secrets = seal.open(
      decodeBase64(String(challenge['encr_measurement_key'])),
      decodeBase64(String(challenge['encr_request_nonce'])),
    );
    const request = Buffer.from(decodeBase64(String(challenge['request_blob'])));
    expect(secrets?.measurementKey).toHaveLength(64);
    expect(request.includes(Buffer.from(secrets?.measurementKey ?? []))).toBe(false);
    expect(request.includes(Buffer.from(secrets?.nonce ?? []))).toBe(false);
  });

  test('with fixed parts is the same to the byte', () => {
    // The digest is of what this code made after it had reproduced the request of s390-tools' own tests byte for byte.
    const ephemeral = createECDH('secp521r1');
    ephemeral.setPrivateKey(new Uint8Array(66).fill(1, 1));
    const host = createECDH('secp521r1');
    host.setPrivateKey(new Uint8Array(66).fill(2, 1));
    const hostKey = hostKeyOfPoint(new Uint8Array(host.getPublicKey()));
    const request = buildRequest({
      hostKeys: hostKey === undefined ? [] : [hostKey],
      measurementKey: new Uint8Array(64).fill(3),
      nonce: new Uint8Array(16).fill(4),
      protectionKey: new Uint8Array(32).fill(5),
      iv: new Uint8Array(12).fill(6),
      ephemeral,
    });
    expect(request).toHaveLength(400);
    expect(createHash('sha256').update(request).digest('hex')).toBe(
      'ca8938fd90bfd80ea702e7c54b482fdbb582fb6365a17cd7fb41d2a356c68772',
    );
  });

  test.each([
    ['no host key', {}],
    ['a measurement key of another size', { measurementKey: new Uint8Array(32) }],
    ['a nonce of another size', { nonce: new Uint8Array(12) }],
    ['a protection key of another size', { protectionKey: new Uint8Array(16) }],
    ['an IV of another size', { iv: new Uint8Array(16) }],
  ])('is not made with %s', (what, parts) => {
    const hostKey = hostKeyOfPoint(publicPoint(se.machine()));
    const ephemeral = createECDH('secp521r1');
    ephemeral.generateKeys();
    const right = {
      hostKeys: what === 'no host key' || hostKey === undefined ? [] : [hostKey],
      measurementKey: new Uint8Array(64),
      nonce: new Uint8Array(16),
      protectionKey: new Uint8Array(32),
      iv: new Uint8Array(12),
      ephemeral,
    };
    expect(() => buildRequest({ ...right, ...parts })).toThrow(RangeError);
  });

  test.each<[string, Uint8Array]>([
    ['too short', publicPoint(se.machine()).subarray(0, 132)],
    ['compressed', Uint8Array.from([2, ...publicPoint(se.machine()).subarray(1)])],
    ['off the curve', publicPoint(se.machine()).map((byte, index) => (index === 132 ? byte ^ 1 : byte))],
  ])('a host key that is %s is none', (_, point) => expect(hostKeyOfPoint(point)).toBeUndefined());
});

describe('the ultravisor', () => {
  const request = decodeBase64(String((parseJsonStrict(challengeOf(verifier)) as JsonObject)['request_blob']));
  const ask = (bytes: Uint8Array): unknown => attest(se.machine(), se.guest(), bytes, reportData);

  test('opens the request', () => expect(ask(request)).toBeDefined());

  test('fuzz: no bit of a request can be changed', () => {
    fc.assert(
      fc.property(fc.nat(request.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        expect(() => ask(request.map((byte, index) => (index === at ? byte ^ difference : byte)))).toThrow(
          UltravisorError,
        );
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});

describe('image headers', () => {
  const header = se.header();
  const want = Buffer.from(tags(se.image())).toString('hex');
  const at = (offset: number, size = 0x10_000): Uint8Array => {
    const image = new Uint8Array(size);
    image.set(header, offset);
    return image;
  };
  const withMetadata = (offset: number): Uint8Array => {
    const image = at(0xd000);
    image.set(bytesOf('SeImgLnx'), 0xc000);
    new DataView(image.buffer).setBigUint64(0xc008, BigInt(offset));
    return image;
  };

  test.each<[string, Uint8Array]>([
    ['alone', header],
    ['in an image', at(0x5000)],
    ['where the image says', withMetadata(0xd000)],
  ])('%s', (_, file) => expect(Buffer.from(imageTags(file)).toString('hex')).toBe(want));

  test.each<[string, Uint8Array]>([
    ['empty', new Uint8Array()],
    ['elsewhere', at(0x5001)],
    ['not where the image says', withMetadata(0xe000)],
    ['beyond the image', withMetadata(0x7fff_ffff)],
    ['another version', header.map((byte, index) => (index === 11 ? 1 : byte))],
    ['another size', header.map((byte, index) => (index === 15 ? byte ^ 0x10 : byte))],
    ['a huge number of slots', header.map((byte, index) => (index === 32 ? 0xff : byte))],
    ['cut', header.subarray(0, 639)],
  ])('refused: %s', (_, file) => expect(() => imageTags(file)).toThrow(/Secure Execution header/));

  test('fuzz: any bytes give tags or a DecodeError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 1024 }),
          fc
            .tuple(fc.nat(639), fc.nat(255))
            .map(([where, value]) => header.map((byte, index) => (index === where ? value : byte))),
        ),
        (file) => {
          try {
            expect(imageTags(file)).toHaveLength(208);
          } catch (error) {
            expect(error).toMatchObject({ name: 'DecodeError' });
          }
        },
      ),
      { numRuns: fuzzRuns(200) },
    );
  });
});

describe('malformed evidence', () => {
  const good = answer();
  test.each<[string, JsonValue, string]>([
    ['null', null, 'evidence.json.form'],
    ['a member is absent', { ...good, cuid: null }, 'evidence.json.form'],
    ['a member is a number', { ...good, cuid: 7 }, 'evidence.json.form'],
    ['a member is not base64', { ...good, cuid: '*' }, 'evidence.json.form'],
    ['a member is huge', { ...good, cuid: 'A'.repeat(8192) }, 'evidence.json.form'],
    ['cuid of 15 bytes', { ...good, cuid: encodeBase64(new Uint8Array(15)) }, 'se.evidence.form'],
    ['user data of 63 bytes', { ...good, user_data: encodeBase64(new Uint8Array(63)) }, 'se.evidence.form'],
    ['user data of 257 bytes', { ...good, user_data: encodeBase64(new Uint8Array(257)) }, 'se.evidence.form'],
    ['one host-key hash', { ...good, additional_data: encodeBase64(new Uint8Array(32)) }, 'se.evidence.form'],
    ['tags of 207 bytes', { ...good, image_hdr_tags: encodeBase64(new Uint8Array(207)) }, 'se.evidence.form'],
    [
      'a sealed key of 255 bytes',
      { ...good, encr_measurement_key: encodeBase64(new Uint8Array(255)) },
      'se.evidence.form',
    ],
    [
      'a sealed nonce of 257 bytes',
      { ...good, encr_request_nonce: encodeBase64(new Uint8Array(257)) },
      'se.evidence.form',
    ],
  ])('%s', (_, evidence, id) => {
    const result = run(evidence);
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual([id]);
  });

  test('fuzz: evidence', () => {
    const texts = fc.record(
      Object.fromEntries(Object.keys(good).map((name) => [name, fc.base64String({ maxLength: 400 })])),
    );
    const changed = fc
      .tuple(fc.constantFrom(...Object.keys(good)), fc.nat(1000), fc.integer({ min: 1, max: 255 }))
      .map(([name, at, difference]) => {
        const bytes = decodeBase64(String(good[name]));
        const place = at % bytes.length;
        return {
          ...good,
          [name]: encodeBase64(bytes.map((byte, index) => (index === place ? byte ^ difference : byte))),
        };
      })
      // The tags in the evidence are one guess of several: this server knows the right ones.
      .filter((evidence) => evidence['image_hdr_tags'] === good['image_hdr_tags']);
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), texts, changed), (value) => {
        const result = run(value as JsonValue);
        expect(result.accepted).toBe(false);
        expect(isJsonObject(JSON.parse(JSON.stringify(result)))).toBe(true);
      }),
      { numRuns: fuzzRuns(120) },
    );
  });
});

describe('files', () => {
  const files = (orders: SeOrders = {}): Record<string, Uint8Array> => {
    const { certificates, crls, hostKeyDocument, root } = seFiles(world, orders);
    const [signing = '', intermediate = ''] = certificates;
    const [rootCrl = '', interCrl = '', ibmCrl = ''] = crls;
    const all = {
      host_key_document: hostKeyDocument,
      ibm_signing_key: signing,
      intermediate_ca: intermediate,
      root_ca: root,
      ibm_crl: ibmCrl,
      inter_crl: interCrl,
      root_crl: rootCrl,
    };
    return Object.fromEntries(Object.entries(all).map(([role, text]) => [role, bytesOf(text)]));
  };

  test('a document with its chain, under a root that is named', () => {
    const emulatedRoots = [world.anchors().se];
    expect(verifySeFiles(files(), { at: NOW, emulatedRoots })).toMatchObject({
      verdict: 'accept',
      host_key_hash: Buffer.from(hostKeyHash(se.machine())).toString('hex'),
    });
    expect(verifySeFiles(files(), { at: NOW }).verdict).toBe('reject');
    expect(() => verifySeFiles({}, { at: NOW })).toThrow(RangeError);
  });

  const hex = (length: number, fill: number): string => Buffer.alloc(length, fill).toString('hex');
  const items = {
    measurement_key: hex(64, 1),
    pld: hex(64, 2),
    ald: hex(64, 3),
    tld: hex(64, 4),
    image_tag: hex(16, 5),
    config_uid: hex(16, 6),
    user_data: '',
    nonce: hex(16, 7),
    additional_data: null,
  };
  const judge = (input: unknown) => verifySeFiles({ input: bytesOf(JSON.stringify(input)) }, { at: NOW });

  test('items of a measurement', () => {
    const { measurement, verdict } = judge(items);
    expect(verdict).toBe('accept');
    expect(judge({ ...items, measurement }).verdict).toBe('accept');
    expect(judge({ ...items, measurement: hex(64, 9) }).verdict).toBe('reject');
    expect(judge({ ...items, measurement, nonce: '' }).verdict).toBe('reject');
  });

  test.each([
    ['no object', 7],
    ['a key of another size', { ...items, measurement_key: hex(63, 1) }],
    ['no hex', { ...items, pld: 'zz' }],
    ['a number', { ...items, pld: 7 }],
    ['long user data', { ...items, user_data: hex(257, 1) }],
    ['a nonce of 8 bytes', { ...items, nonce: hex(8, 1) }],
    ['a measurement that is cut', { ...items, measurement: hex(32, 1) }],
  ])('malformed items: %s', (_, input) => expect(judge(input).verdict).toBe('reject'));
});

describe('what findings say', () => {
  const verdictWith = (using: Verifier, id: string): { outcome: string; title: string; subject: string }[] =>
    run(answer(), {}, using).findings.flatMap((finding) =>
      finding.id === id
        ? [{ outcome: finding.outcome, title: finding.title ?? '', subject: finding.subject ?? '' }]
        : [],
    );
  const only = (more: Partial<SeMaterials>, id: string): string[] =>
    verdictWith(createSeVerifier(materials({}, more)), id).flatMap(({ outcome, title }) =>
      outcome === 'fail' ? [title] : [],
    );

  test('emulated hardware is told as such', () => {
    expect(verdictWith(verifier, 'evidence.hardware.backed').map(({ outcome }) => outcome)).toEqual(['warn']);
  });

  test('the parts of the chain by their names', () => {
    const names = verdictWith(verifier, 'se.signing-key.chain').map(({ subject }) => subject);
    expect(names).toEqual(['signing key', 'intermediate', 'root']);
  });

  test('another root of the same name beside the chain is left aside', () => {
    const key = world.stranger('P-384');
    const other = se.pki.root({ key, signer: key, serial: 99n }).pem;
    const { roots } = materials();
    const using = createSeVerifier(materials({}, { roots: [...roots, bytesOf(other)] }));
    expect(failures(run(answer(), {}, using))).toEqual([]);
  });

  test('how many signing keys there are', () => {
    const certificates = [...materials().certificates, bytesOf(se.pki.signing({ serial: 77n }).pem)];
    expect(only({ certificates }, 'se.signing-key.subject').join()).toContain('2 certificates');
  });

  test('a CRL that is not yet valid, one that is over, one without an end', () => {
    const dates = (thisUpdate: string, nextUpdate?: string): string => {
      const end = nextUpdate === undefined ? {} : { nextUpdate: new Date(nextUpdate) };
      const crls = se.pki.crls({ signingKeyCrl: { thisUpdate: new Date(thisUpdate), ...end } });
      return only({ crls: crls.map(bytesOf) }, 'se.crl.dates').join();
    };
    expect(dates('2026-06-02', '2026-07-01')).toContain('not yet valid');
    expect(dates('2026-01-01', '2026-02-01')).toContain('ended');
  });

  test('a document of two certificates is none', () => {
    const { pem } = se.pki.document(se.machine());
    const documents = [{ name: 'two', bytes: bytesOf(pem + pem) }];
    const using = createSeVerifier(materials({}, { hostKeyDocuments: documents }));
    expect(failures(run(answer(), {}, using))).toEqual(['se.host-key.match']);
    expect(() => challengeOf(using)).toThrow(expect.objectContaining({ code: 'se.challenge.ready' }) as AssayError);
  });

  test('a document that is not read has no dates, and no challenge', () => {
    const using = createSeVerifier(materials({}, { hostKeyDocuments: [{ name: 'x', bytes: bytesOf('x') }] }));
    expect(() => challengeOf(using)).toThrow(expect.objectContaining({ code: 'se.challenge.ready' }) as AssayError);
  });

  test('a member that is absent', () => {
    const { cuid: _, ...rest } = answer();
    expect(run(rest).findings[0]).toMatchObject({ id: 'evidence.json.form', outcome: 'fail', actual: 'absent' });
  });

  test.each<[string, Uint8Array]>([
    [
      'compressed',
      new Uint8Array(
        ECDH.convertKey(publicPoint(se.machine()), 'secp521r1', undefined, undefined, 'compressed') as Buffer,
      ),
    ],
    [
      'hybrid',
      new Uint8Array(ECDH.convertKey(publicPoint(se.machine()), 'secp521r1', undefined, undefined, 'hybrid') as Buffer),
    ],
  ])('a point that is written %s is none', (_, point) => expect(hostKeyOfPoint(point)).toBeUndefined());

  test('a header that does not begin as one', () => {
    const header = se.header().map((byte, index) => (index === 0 ? byte ^ 1 : byte));
    expect(() => imageTags(header)).toThrow('is nowhere in it');
  });

  test.each(['null', '[]', '7'])('items of a measurement that are %s', (text) => {
    expect(verifySeFiles({ input: bytesOf(text) }, { at: NOW }).verdict).toBe('reject');
  });
});

test('attester: without a challenge there is nothing to answer', () => {
  expect(() => seEvidence(world, reportData)).toThrow(TypeError);
  expect(() => seEvidence(world, reportData, {}, '{}')).toThrow('request_blob');
});
