import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ANNOTATIONS, annotationsOf, faultOfUri, lintAnnotations } from './annotations.js';
import { annotate, readManifest } from './manifest.js';

const told = (annotations: Record<string, unknown>): string[] =>
  lintAnnotations(annotations, 'Pod web')
    .findings.filter(({ outcome }) => outcome !== 'pass')
    .map(({ id, outcome }) => `${outcome} ${id}`);

describe('S9: annotations', () => {
  test('the three names of CC-0.5.0 resolve', () => {
    const { findings, resolved } = lintAnnotations(
      {
        'io.katacontainers.config.pre_attestation.enabled': 'true',
        'io.katacontainers.config.pre_attestation.uri': '10.0.0.5:44444',
        'io.katacontainers.config.sev.policy': '7',
        'io.katacontainers.config.hypervisor.default_vcpus': '2',
        'example.com/sev': 'x',
      },
      'Pod web',
    );
    expect(findings.every(({ outcome }) => outcome === 'pass')).toBe(true);
    expect(resolved).toEqual({
      enabled: true,
      uri: '10.0.0.5:44444',
      policy: { value: 7, names: ['NODBG', 'NOKS', 'ES'] },
    });
  });

  test.each([
    ['guest_pre_attestation.enabled', ANNOTATIONS.enabled],
    ['guest_pre_attestation.uri', ANNOTATIONS.uri],
    ['sev_guest_policy', ANNOTATIONS.policy],
    ['pre_attestation.enable', ANNOTATIONS.enabled],
    ['sev.polcy', ANNOTATIONS.policy],
  ])('the dead spelling %s is warned of, with what was meant', (name, meant) => {
    const { findings, resolved } = lintAnnotations({ [`io.katacontainers.config.${name}`]: 'true' }, 'Pod web');
    expect(findings).toMatchObject([{ id: 'sev.annotation.name', outcome: 'warn', expected: meant }]);
    expect(resolved).toEqual({});
  });

  test('a name of somebody else is not looked at, however alike', () => {
    expect(told({ 'x.io.katacontainers.config.sev.policy': '7' })).toEqual([]);
    expect(told({ 'io.katacontainers.config.config.sev.policy': '7' })).toEqual(['warn sev.annotation.name']);
  });

  test.each([
    ['yes', false],
    ['', false],
    ['true', true],
    ['T', true],
    ['0', true],
    [true, false],
    [1, false],
    [null, false],
  ])('enabled %j is good: %s', (value, good) => {
    expect(told({ [ANNOTATIONS.enabled]: value })).toEqual(good ? [] : ['fail sev.annotation.value']);
  });

  test.each([
    ['10.0.0.5:44444', true],
    ['[fd00::5]:44444', true],
    ['kbs.example:1', true],
    ['http://kbs:44444', false],
    ['kbs', false],
    ['kbs:0', false],
    ['kbs:65536', false],
    ['kbs:44444/', false],
    [':44444', false],
  ])('uri %s is good: %s', (value, good) => {
    expect(told({ [ANNOTATIONS.uri]: value })).toEqual(good ? [] : ['fail sev.annotation.value']);
    expect(faultOfUri(value) === undefined).toBe(good);
  });

  test.each([
    ['3', []],
    ['7', []],
    ['4294967295', ['fail sev.policy.form']],
    ['4294967296', ['fail sev.annotation.value']],
    ['0x3', ['fail sev.annotation.value']],
    ['-1', ['fail sev.annotation.value']],
    ['3.0', ['fail sev.annotation.value']],
    [3, ['fail sev.annotation.value']],
    ['0', ['fail sev.guest.policy']],
    ['1', ['fail sev.guest.policy']],
    ['67', ['fail sev.policy.form']],
  ])('policy %j: %j', (value, findings) => {
    expect(told({ [ANNOTATIONS.policy]: value })).toEqual(findings);
  });
});

describe('manifests', () => {
  const annotations = annotationsOf({ enabled: true, uri: '10.0.0.5:44444', policy: 7 });

  test('a pod keeps its comments and its own annotations; texts are quoted', () => {
    const text =
      '# web\nkind: Pod\nmetadata:\n  name: web # here\n  annotations:\n    a: "1"\nspec:\n  runtimeClassName: kata-qemu-sev\n';
    const out = annotate(readManifest(text, 'pod.yaml'), annotations);
    expect(out).toContain('# web');
    expect(out).toContain('name: web # here');
    expect(out).toContain('io.katacontainers.config.pre_attestation.enabled: "true"');
    expect(out).toContain('io.katacontainers.config.sev.policy: "7"');
    const again = readManifest(out, 'pod.yaml').pods[0];
    expect(again?.annotations).toEqual({ a: '1', ...annotations });
    expect(annotate(readManifest(out, 'pod.yaml'), annotations)).toBe(out);
  });

  test('annotations that are there and empty are filled', () => {
    const text = 'kind: Pod\nmetadata:\n  name: web\n  annotations:\n';
    const out = annotate(readManifest(text, 'pod.yaml'), annotations);
    expect(readManifest(out, 'pod.yaml').pods[0]?.annotations).toEqual(annotations);
  });

  test('an empty document among others is passed over', () => {
    const manifest = readManifest('---\n---\nkind: Pod\nmetadata: {name: a}\n', 'all.yaml');
    expect(manifest.pods.map(({ where }) => where)).toEqual(['Pod a']);
  });

  test.each([
    ['Deployment', ['spec', 'template']],
    ['Job', ['spec', 'template']],
    ['CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ])('%s: annotations stand at the template', (kind, path) => {
    const template = path.reduceRight<object>((inner, key) => ({ [key]: inner }), { spec: { containers: [] } });
    const text = JSON.stringify({
      kind,
      metadata: { name: 'x', annotations: { [ANNOTATIONS.uri]: 'lost:1' } },
      ...template,
    });
    const manifest = readManifest(text, 'x.json');
    expect(manifest.pods).toMatchObject([
      { where: `${kind} x`, annotations: {}, outer: { [ANNOTATIONS.uri]: 'lost:1' } },
    ]);
    const out = parse(annotate(manifest, annotations)) as Record<string, unknown>;
    const at = [...path, 'metadata', 'annotations'].reduce<unknown>((value, key) => (value as never)[key], out);
    expect(at).toEqual(annotations);
  });

  test('several documents: each pod is found, the others stay', () => {
    const text =
      'kind: ConfigMap\nmetadata: {name: c}\n---\nkind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: b}\n';
    const manifest = readManifest(text, 'all.yaml');
    expect(manifest.pods.map(({ where }) => where)).toEqual(['Pod a', 'Pod b']);
    expect(readManifest(annotate(manifest, annotations), 'all.yaml').pods).toHaveLength(2);
  });

  test('a manifest is bounded', () => {
    const text = 'kind: Pod\nmetadata: {name: a}\n';
    expect(readManifest(text + '#'.repeat(4 * 1024 * 1024 - text.length), 'f').pods).toHaveLength(1);
    expect(() => readManifest(text + '#'.repeat(4 * 1024 * 1024), 'f')).toThrow('is larger than');
  });

  test.each([
    ['', /holds no pod/],
    ['a: [', /flow|expected|must/i],
    ['kind: Pod\nkind: Pod\n', /unique/i],
    ['kind: ConfigMap\n', /holds no pod/],
    ['kind: List\nitems: []\n', /List/],
    ['kind: Deployment\nmetadata: {name: x}\n', /has no spec.template/],
    ['just text', /holds no pod/],
  ])('%j is no manifest with a pod', (text, why) => {
    expect(() => readManifest(text, 'f')).toThrow(why);
    try {
      readManifest(text, 'f');
    } catch (error) {
      expect(error).toMatchObject({ exit: 3 });
    }
  });
});
