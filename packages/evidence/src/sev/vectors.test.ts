import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { verifySevFiles } from './files.js';
import { sevLaunchDigest } from './measure/digest.js';

interface Entry {
  readonly id: string;
  readonly files: { readonly [role: string]: string };
  readonly verification_time: string;
  readonly expected: {
    readonly [member: string]: unknown;
    readonly verdict?: string;
    readonly failed_checks?: string[];
  };
}

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'certificate.format': ['sev.cert.form'],
  'chain.usage': ['sev.chain.usage'],
  'chain.root': ['sev.chain.root', 'sev.cert.form'],
  'chain.ark_self': ['sev.chain.links', 'sev.cert.form'],
  'chain.ark_ask': ['sev.chain.links'],
  'chain.key_id': ['sev.chain.links'],
  'chain.ask_cek': ['sev.chain.links'],
  'chain.cek_pek': ['sev.chain.links'],
  'chain.oca_pek': ['sev.chain.links'],
  'chain.oca_self': ['sev.chain.links'],
  'chain.pek_pdh': ['sev.chain.links', 'sev.cert.form'],
  measure: ['sev.launch.measure'],
};

const folder = vectorsArea('sev');
const entries = (loadManifest('sev') ?? []) as Entry[];

describe.skipIf(folder === undefined)('published chains and measurements', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(10));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
    const files = Object.fromEntries(
      Object.entries(entry.files).map(([role, path]) => [role, new Uint8Array(readFileSync(join(folder ?? '', path)))]),
    );
    const result = verifySevFiles(files, { at: new Date(entry.verification_time) });
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    expect(result.verdict, JSON.stringify(failed)).toBe(entry.expected.verdict);
    if (entry.expected.verdict === 'accept') {
      const { links, ask_ark_algorithm, measure } = entry.expected;
      expect(result).toMatchObject(JSON.parse(JSON.stringify({ links, ask_ark_algorithm, measure })));
      return;
    }
    const labels = entry.expected.failed_checks ?? [];
    expect(labels.length).toBeGreaterThan(0);
    for (const label of labels)
      expect(
        failed.some((id) => LABELS[label]?.includes(id)),
        `${label}: ${failed}`,
      ).toBe(true);
    const links = (result['links'] ?? {}) as { readonly [link: string]: boolean };
    const broken = Object.keys(links).filter((link) => links[link] === false);
    expect(labels).toEqual(expect.arrayContaining(broken.map((link) => `chain.${link}`)));
    const allowed = labels.flatMap((label) => LABELS[label] ?? []);
    expect(failed.filter((id) => !allowed.includes(id))).toEqual([]);
  });
});

const measured = vectorsArea('measure');

describe.skipIf(measured === undefined)('published launch digests', () => {
  const cases = ((loadManifest('measure') ?? []) as Entry[]).filter(({ id }) => id.startsWith('sev-'));

  test('there are some', () => expect(cases.length).toBeGreaterThan(1));

  test.each(cases.map((entry) => [entry.id, entry] as const))('%s', (_, { files, expected }) => {
    const read = (role: string): Uint8Array => new Uint8Array(readFileSync(join(measured ?? '', files[role] ?? '')));
    const input = JSON.parse(Buffer.from(read('input')).toString()) as {
      mode: string;
      vcpus: number;
      vcpu_sig: number;
      cmdline: string;
    };
    const digest = sevLaunchDigest({
      firmware: read('firmware'),
      boot: { kernel: read('kernel'), initrd: read('initrd'), cmdline: input.cmdline },
      ...(input.mode === 'SEV_ES'
        ? { es: { vcpus: input.vcpus, cpuSignature: input.vcpu_sig, fpu: 'reset' as const } }
        : {}),
    });
    expect(Buffer.from(digest).toString('hex')).toBe(expected['launch_digest']);
  });
});

const ratls = vectorsArea('ra-tls');

describe.skipIf(ratls === undefined)('launch digests of the firmware of kata CC-0.5.0', () => {
  const firmware = (): Uint8Array => new Uint8Array(readFileSync(join(ratls ?? '', 'sev-ovmf_suffix.bin')));
  const boot = { kernel: new Uint8Array(), initrd: new Uint8Array(), cmdline: '' };
  const es = { vcpus: 1, cpuSignature: 0x800f12 };

  test.each([
    [{}, 'b184e06e012366fd7b33ebfb361a515d05f00d354dca07b36abbc1e1e177ced5'],
    [{ boot }, 'd59d7696efd7facfaa653758586e6120c4b6eaec3e327771d278cc6a44786ba5'],
    [{ boot, es }, '7e5c26fb454621eb466978b4d0242b3c04b44a034de7fc0a2d8dac60ea2b6403'],
  ])('%j', (launch, expected) => {
    expect(Buffer.from(sevLaunchDigest({ firmware: firmware(), ...launch })).toString('hex')).toBe(expected);
  });
});
