import type { JsonObject } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PACKAGED_SHIM_CONFIG as CONFIG } from '../config/shim-config.js';
import { containerIdOf, isContainerId } from '../container-id.js';
import { planContainer, planContainerCleanup } from './plan-container.js';
import {
  agentRootfs,
  imageFolders,
  planPull,
  planSandbox,
  planSandboxCall,
  planSandboxCleanup,
} from './plan-sandbox.js';
import { argumentsOf, containerTypeOf, environmentOf, groupOf, imageOf, namespaceOf } from './spec.js';
import { stepInWords } from './step.js';

const annotated = (annotations: JsonObject, more: JsonObject = {}): JsonObject => ({ annotations, ...more });
const TYPE = 'io.kubernetes.cri.container-type';
const NAMESPACE = 'io.kubernetes.cri.sandbox-namespace';
const IMAGE = 'io.kubernetes.cri.image-name';
const agentId = 'ab'.repeat(32);
const sandbox = annotated({ [TYPE]: 'sandbox', [NAMESPACE]: 'default' });
const words = (steps: readonly Parameters<typeof stepInWords>[0][]): string[] => steps.map((step) => stepInWords(step));

describe('container ids', () => {
  test.each([
    ['docker.io/library/redis:7', 'redis_7', true],
    ['redis', 'redis', true],
    ['registry.example:5000/a/redis:1.3-x_y', 'redis_1.3-x_y', true],
    ['x@sha256:ab', 'x@sha256_ab', false],
    ['a', 'a', false],
    ['a/-b', '-b', false],
    ['a/..', '..', false],
    ['a/ä1', 'ä1', false],
  ])('%s → %s', (image, id, taken) => {
    expect(containerIdOf(image)).toBe(id);
    expect(isContainerId(id)).toBe(taken);
  });

  test.each(['', 'a/', '/'])('%j has none', (image) => {
    expect(() => containerIdOf(image)).toThrow(`invalid image name: ${image}`);
  });

  test('have two bytes at least, and are names of folders', () => {
    expect(['', 'r', 'redis:1.3', 'a'.repeat(256)].some(isContainerId)).toBe(false);
    expect(['ab', 'redis_1.3', 'a'.repeat(255)].every(isContainerId)).toBe(true);
  });

  test('fuzz: what is taken leads nowhere', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        if (isContainerId(id))
          for (const folder of imageFolders('/root', id))
            expect(folder).toMatch(/^\/root\/images\/[^/]+\/(keys\/)?sefs\/(upper|lower)$/);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

describe('annotations', () => {
  test('say what a container is', () => {
    expect([containerTypeOf(sandbox), namespaceOf(sandbox)]).toEqual(['sandbox', 'default']);
    expect(imageOf(annotated({ [IMAGE]: 'a:1' }))).toBe('a:1');
    const group = annotated({ 'io.kubernetes.cri.sandbox-id': 's', 'io.containerd.runc.v2.group': 'g' });
    expect([
      groupOf(group, 'c'),
      groupOf(annotated({ 'io.kubernetes.cri.sandbox-id': 's' }), 'c'),
      groupOf({}, 'c'),
    ]).toEqual(['g', 's', 'c']);
    expect([...environmentOf({ process: { env: ['A=1', 'B=x=y', 'C', 'A=2', 3] } })]).toEqual([
      ['A', '2'],
      ['B', 'x=y'],
      ['C', 'C'],
    ]);
  });

  test('that are no texts are none', () => {
    expect([...environmentOf({ process: { env: 'A=1' } })]).toEqual([]);
    expect(argumentsOf({ process: { args: 'a' } })).toEqual([]);
    expect(argumentsOf({ process: { args: ['a', 1, 'b'] } })).toEqual(['a', 'b']);
  });

  test.each<[string, (spec: JsonObject) => unknown, JsonObject]>([
    ['unknown container type in annotation', containerTypeOf, annotated({ [TYPE]: 'pod' })],
    ['unknown container type in annotation', containerTypeOf, {}],
    ['unknown sandbox namespace in annotation', namespaceOf, annotated({ [NAMESPACE]: '' })],
    ['unknown sandbox namespace in annotation', namespaceOf, annotated({ [NAMESPACE]: 1 })],
    ['unknown image name in annotation', imageOf, { annotations: [] }],
  ])('missing are told: %s', (text, read, spec) => {
    expect(() => read(spec)).toThrow(`OCI Annotation error: ${text}`);
  });
});

describe('a sandbox', () => {
  const own = `/run/containerd/agent-enclave/${agentId}`;
  const random = (length: number) => new Uint8Array(length).fill(0xab);

  test('is made with its agent enclave', () => {
    const plan = planSandbox({ spec: sandbox, id: 'pause', bundle: '/b' }, CONFIG, random);
    expect(plan.agentId).toBe(agentId);
    expect(words(plan.steps)).toEqual([
      'runc create --bundle /b pause',
      `mkdir -p ${own}/upper`,
      `mkdir -p ${own}/work`,
      `mkdir -p ${own}/merged`,
      `mount -t overlay overlay -o index=off,lowerdir=/opt/confidential-containers/share/enclave-cc-agent-instance/rootfs,workdir=${own}/work,upperdir=${own}/upper ${own}/merged/rootfs`,
      `cp /opt/confidential-containers/share/enclave-cc-agent-instance/config.json ${own}/merged/config.json`,
      `write ${own}/stdout (mode 0644, 0 bytes)`,
      `write ${own}/stderr (mode 0644, 0 bytes)`,
      `runc create --bundle ${own}/merged ${agentId}`,
      'write /b/agent-id (mode 0600, 64 bytes)',
    ]);
    expect(plan.steps.at(-1)).toMatchObject({ content: agentId });
  });

  test('of the system has none', () => {
    const spec = annotated({ [TYPE]: 'sandbox', [NAMESPACE]: 'kube-system' });
    expect(planSandbox({ spec, id: 'pause', bundle: '/b' }, CONFIG, random)).toEqual({
      agentId: undefined,
      steps: [{ do: 'runtime', call: 'create', id: 'pause', bundle: '/b' }],
    });
  });

  test('is no container, and its ids lead nowhere', () => {
    const spec = annotated({ [TYPE]: 'container', [NAMESPACE]: 'x' });
    expect(() => planSandbox({ spec, id: 'c', bundle: '/b' }, CONFIG, random)).toThrow(RangeError);
    for (const id of ['../x', '', 'a/b', '-x']) {
      expect(() => planSandbox({ spec: sandbox, id, bundle: '/b' }, CONFIG, random)).toThrow(RangeError);
      expect(() => planSandboxCall('kill', id, undefined)).toThrow(RangeError);
      expect(() => planSandboxCleanup({ id, bundle: '/b' }, undefined, CONFIG)).toThrow(RangeError);
      expect(() => planSandboxCleanup({ id: 'p', bundle: '/b' }, id, CONFIG)).toThrow(RangeError);
      expect(() => agentRootfs(id, CONFIG)).toThrow(RangeError);
      expect(() => planContainerCleanup({ id, bundle: '/b' })).toThrow(RangeError);
    }
  });

  test('is started, killed and deleted before its agent', () => {
    for (const call of ['start', 'kill', 'delete'] as const)
      expect(words(planSandboxCall(call, 'pause', agentId))).toEqual([`runc ${call} pause`, `runc ${call} ${agentId}`]);
    expect(words(planSandboxCall('start', 'pause', undefined))).toEqual(['runc start pause']);
  });

  test('has images pulled into folders of its agent', () => {
    const image = `${own}/merged/rootfs/images/redis_7`;
    expect(words(planPull('docker.io/library/redis:7', agentId, CONFIG))).toEqual([
      `mkdir -p ${image}/sefs/upper`,
      `mkdir -p ${image}/sefs/lower`,
      `mkdir -p ${image}/keys/sefs/upper`,
      `mkdir -p ${image}/keys/sefs/lower`,
      'grpc.Image/PullImage at tcp://127.0.0.1:7788: docker.io/library/redis:7 as redis_7',
    ]);
    for (const image of ['a/..', 'a/b,c', 'a/b\\c', 'a/']) expect(() => planPull(image, agentId, CONFIG)).toThrow();
  });

  test('is cleared away with its agent', () => {
    const pause = ['runc delete --force pause', 'umount /b/rootfs'];
    expect(words(planSandboxCleanup({ id: 'pause', bundle: '/b' }, agentId, CONFIG))).toEqual([
      `runc delete --force ${agentId}`,
      `umount ${own}/merged/rootfs`,
      `rm -r ${own}`,
      ...pause,
    ]);
    expect(words(planSandboxCleanup({ id: 'pause', bundle: '/b' }, undefined, CONFIG))).toEqual(pause);
  });
});

describe('a container', () => {
  const spec = annotated(
    { [TYPE]: 'container', [IMAGE]: 'docker.io/library/redis:7' },
    { root: { path: '/x', readonly: true } },
  );

  test('has its image above the boot instance', () => {
    const plan = planContainer({ spec, id: 'app', bundle: '/b', agentId }, CONFIG);
    expect(plan.spec).toEqual({ ...spec, root: { path: 'rootfs', readonly: true } });
    expect(words(plan.steps)).toEqual([
      'mkdir -p /run/enclave-cc/app/app/upper',
      'mkdir -p /run/enclave-cc/app/app/work',
      `mount -t overlay overlay -o index=off,workdir=/run/enclave-cc/app/app/work,upperdir=/run/enclave-cc/app/app/upper,lowerdir=/run/containerd/agent-enclave/${agentId}/merged/rootfs/images/redis_7:/opt/confidential-containers/share/enclave-cc-boot-instance/rootfs /b/rootfs`,
      'runc create --bundle /b app',
    ]);
  });

  const process = {
    args: ['/run/rune/occlum_instance/build/bin/occlum-run', '/bin/app'],
    cwd: '/run/rune/occlum_instance/',
    env: ['OCCLUM_RELEASE_ENCLAVE=1'],
  };
  const linux = { devices: [{ path: '/dev/sgx_enclave', type: 'c', major: 10, minor: 125 }] };
  test.each<[string, JsonObject, string[]]>([
    ['on SGX', { process, linux }, []],
    [
      'in simulation',
      { process: { ...process, env: ['OCCLUM_RELEASE_ENCLAVE=0'] } },
      ['app process.env.OCCLUM_RELEASE_ENCLAVE warn'],
    ],
    ['without a mode', { process: { ...process, env: [] } }, ['app process.env.OCCLUM_RELEASE_ENCLAVE fail']],
    ['without Occlum', { process: { ...process, args: ['/bin/app'] }, linux }, ['app process.args fail']],
    ['elsewhere', { process: { ...process, cwd: '/' }, linux }, ['app process.cwd fail']],
    ['without the device', { process }, ['app linux.devices /dev/sgx_enclave fail']],
    [
      'with another device of its name',
      { process, linux: { devices: [{ path: '/dev/sgx_enclave', type: 'c', major: 1, minor: 3 }] } },
      ['app linux.devices /dev/sgx_enclave fail'],
    ],
    [
      'as an agent',
      { process: { ...process, env: [...process.env, 'ENCLAVE_AGENT=true'] }, linux },
      ['app process.env.ENCLAVE_AGENT fail'],
    ],
  ])('%s is told what keeps its program out of an enclave', (_, more, expected) => {
    const plan = planContainer({ spec: { ...spec, ...more }, id: 'app', bundle: '/b', agentId }, CONFIG);
    const told = plan.findings.filter(({ outcome }) => outcome !== 'pass');
    expect(told.map(({ subject, outcome }) => `${subject} ${outcome}`)).toEqual(expected);
  });

  test('is no sandbox, and its image is no option of a mount', () => {
    expect(() => planContainer({ spec: sandbox, id: 'app', bundle: '/b', agentId }, CONFIG)).toThrow(RangeError);
    for (const image of ['a/b,lowerdir=x', 'a/..', 'a/b\\'])
      expect(() =>
        planContainer(
          { spec: annotated({ [TYPE]: 'container', [IMAGE]: image }), id: 'app', bundle: '/b', agentId },
          CONFIG,
        ),
      ).toThrow(RangeError);
  });

  test('is cleared away', () => {
    expect(words(planContainerCleanup({ id: 'app', bundle: '/b' }))).toEqual([
      'rm -r /run/enclave-cc/app/app',
      'runc delete --force app',
      'umount /b/rootfs',
    ]);
  });
});
