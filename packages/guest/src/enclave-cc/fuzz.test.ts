/** Documents of any form through every reader that judges: findings come out, and nothing is thrown. */
import type { JsonObject } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PACKAGED_SHIM_CONFIG } from './config/shim-config.js';
import { agentBundleConfig, lintAgentBundle } from './deploy/agent-bundle.js';
import { lintContainerdConfig, renderContainerdRuntime } from './deploy/containerd.js';
import { lintJson } from './deploy/host.js';
import { samplePod } from './deploy/kubernetes.js';
import { lintOcclumConfig, occlumConfig } from './deploy/occlum.js';
import { lintPodSpec } from './deploy/pod.js';
import { lintContainerSpec } from './shim/lint-spec.js';
import { planContainer } from './shim/plan-container.js';
import { planSandbox } from './shim/plan-sandbox.js';
import { AnnotationError } from './shim/spec.js';

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...at, Array.isArray(value) ? Number(key) : key])),
  ];
}

function withValue(value: unknown, [key, ...rest]: Path, put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.map((item, at) => (at === key ? withValue(item, rest, put) : item));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: withValue(object[key], rest, put) };
}

/** A good document with any value at any place of it. */
const changed = (good: JsonObject): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(fc.constantFrom(...pathsOf(good).filter((path) => path.length > 0)), fc.jsonValue())
    .map(([path, put]) => withValue(good, path, put) as JsonObject);
const any = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

const annotations = {
  'io.kubernetes.cri.container-type': 'container',
  'io.kubernetes.cri.sandbox-namespace': 'default',
  'io.kubernetes.cri.image-name': 'r.example/app:v1',
};
const container = { ...agentBundleConfig('hw'), annotations };
const pod = (samplePod({ mode: 'hw', image: 'r.example/app:v1', command: ['/bin/app'] }) as { spec: JsonObject }).spec;

describe('fuzz', () => {
  test.each<[string, JsonObject, (document: JsonObject) => readonly { outcome: string }[]]>([
    ['a pod', pod, (document) => lintPodSpec(document, 'Pod x', 'hw')],
    ['a bundle of an agent', agentBundleConfig('hw'), (document) => lintAgentBundle(document, 'f', 'hw')],
    ['Occlum.json', occlumConfig({}, 'hw'), (document) => lintOcclumConfig(document, 'f', 'hw')],
    ['Occlum.json of a simulation', occlumConfig({}, 'sim'), (document) => lintOcclumConfig(document, 'f', 'sim')],
    ['a specification', container, (document) => lintContainerSpec(document, 'c')],
    [
      'a document in bytes',
      occlumConfig({}, 'hw'),
      (document) => lintJson(Buffer.from(JSON.stringify(document)), 'f', () => []),
    ],
  ])('%s is judged, whatever it holds', (_, good, judged) => {
    fc.assert(
      fc.property(fc.oneof(any, changed(good)), (document) => {
        for (const { outcome } of judged(document)) expect(['pass', 'warn', 'fail']).toContain(outcome);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('a configuration of containerd is judged, whatever it holds', () => {
    const line = fc.constantFrom(
      'version = 2',
      'version = "2"',
      ...renderContainerdRuntime().split('\n'),
      '[plugins]',
      'x = [',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(line).map((lines) => lines.join('\n')),
    );
    fc.assert(
      fc.property(text, (each) => {
        expect(lintContainerdConfig(each, 'f').length).toBeGreaterThan(0);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('a specification is planned, or refused as one; no option of a mount is more than one', () => {
    const known = [AnnotationError, RangeError];
    fc.assert(
      fc.property(fc.oneof(changed({ annotations }), any), fc.string(), (spec, image) => {
        const named = { ...spec, annotations: { ...annotations, 'io.kubernetes.cri.image-name': image } };
        for (const each of [spec, named]) {
          try {
            planSandbox(
              { spec: each, id: 'p1', bundle: '/b' },
              PACKAGED_SHIM_CONFIG,
              (length) => new Uint8Array(length),
            );
          } catch (error) {
            expect(known.some((kind) => error instanceof kind)).toBe(true);
          }
          try {
            const { steps } = planContainer(
              { spec: each, id: 'c1', bundle: '/b', agentId: 'a1' },
              PACKAGED_SHIM_CONFIG,
            );
            const mount = steps.find((step) => step.do === 'mount');
            expect(mount?.options.join(',').split(',')).toHaveLength(4);
            expect(mount?.options.at(-1)?.split(':')).toHaveLength(2);
          } catch (error) {
            expect([...known.map((kind) => kind.name), 'AnnotationError', 'StatusError']).toContain(
              (error as Error).name,
            );
          }
        }
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});
