/** A key broker that releases to emulated enclaves, a registry with images for them, and simulated agent enclaves. */
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSigstruct } from '@assay/evidence/sgx';
import {
  attestationPolicy,
  RESOURCE_POLICY,
  referenceValuesOf,
  renderDecryptConfig,
  renderOcicryptConfig,
} from '@assay/guest/enclave-cc';
import { copyImage, layoutSource, parseReference, registryTarget } from '@assay/oci';
import { KEY_ANNOTATION, sealPacket, writePacket } from '@assay/ocicrypt';
import { emulatedEnclave, enclaveSigningKey, startEmulatedPcs } from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { openWorld } from '../../packages/cli/src/client/emulated.js';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { startTestServer, type TestServer } from '../support/assay.js';
import { printed, start } from '../support/cli.js';
import { cosignManifest } from '../support/cosign.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

export interface TestAgent {
  readonly process: ChildProcess;
  readonly url: string;
  /** Root of the simulated enclave. */
  readonly rootfs: string;
  /** What it has said so far on standard error. */
  readonly log: () => string;
  /** Files and folders below its root, as paths. */
  readonly left: () => string[];
  stop(): Promise<void>;
}

export interface AgentChange {
  /** Build that is emulated; default: the known one. */
  readonly enclave?: string;
  readonly url?: string;
  readonly validate?: boolean;
  readonly decryptConfig?: string | undefined;
  readonly ocicryptConfig?: string;
  readonly args?: readonly string[];
}

export class EnclaveWorld {
  readonly folder = temporaryFolder('assay-enclave-cc-');
  readonly signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly known = join(this.folder, 'known.sig');
  readonly unknown = join(this.folder, 'unknown.sig');
  readonly image = makeImage(3);
  readonly kek = randomBytes(32);
  readonly worldFile = join(this.folder, 'world.json');
  readonly #key = enclaveSigningKey();
  readonly #agents: TestAgent[] = [];
  #registry: TestRegistry | undefined;
  #server: TestServer | undefined;
  #pcs: { close(): Promise<void> } | undefined;

  get server(): TestServer {
    if (this.#server === undefined) throw new Error('not started');
    return this.#server;
  }

  get host(): string {
    return this.#registry?.host ?? '';
  }

  async start(): Promise<void> {
    const world = openWorld(this.worldFile);
    world.intel.platform();
    for (const [name, file] of [
      ['known', this.known],
      ['unknown', this.unknown],
    ] as const)
      writeFileSync(file, emulatedEnclave(name, this.#key, { isvSvn: 2 }).sigstruct);
    const pcs = await startEmulatedPcs(world, { kind: 'pccs' });
    this.#pcs = pcs;
    const roots = join(this.folder, 'roots.pem');
    writeFileSync(roots, world.intel.pki.root().pem);
    this.#registry = await startRegistry();
    this.#server = await startTestServer({
      collateral: { pccs: [pcs.url], intel_pcs: 'off', allow_http: true },
      trust: { emulated_roots: [roots] },
    });
    await this.#prepare();
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
    await this.#server?.stop();
    await this.#registry?.stop();
    await this.#pcs?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts an agent enclave as a process of its own, with a root of its own. */
  async agent(change: AgentChange = {}): Promise<TestAgent> {
    const own = mkdtempSync(join(this.folder, 'agent-'));
    const file = (name: string, text: string): string => {
      const path = join(own, name);
      writeFileSync(path, text);
      return path;
    };
    const provider = `provider:attestation-agent:cc_kbc::${change.url ?? this.server.url}`;
    const decrypt =
      'decryptConfig' in change ? change.decryptConfig : renderDecryptConfig(provider, change.validate ?? true);
    const ocicrypt = file('ocicrypt.conf', change.ocicryptConfig ?? renderOcicryptConfig());
    const rules = `[[registry]]\nprefix = "registry.example"\nlocation = "${this.host}"\ninsecure = true\n`;
    const rootfs = join(own, 'root');
    mkdirSync(rootfs);
    const process = start([
      ...['agent', 'enclave-agent', '-l', 'tcp://127.0.0.1:0', '-o', ocicrypt, '--rootfs', rootfs],
      ...(decrypt === undefined ? [] : ['-c', file('decrypt_config.conf', decrypt)]),
      ...['--registries', file('registries.conf', rules), '--tee', 'emulated-sgx', '--world', this.worldFile],
      ...['--enclave', change.enclave ?? this.known, ...(change.args ?? [])],
    ]);
    let log = '';
    process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
    const [, url = ''] = await printed(process, /listening on (\S+)/);
    const left = (): string[] =>
      existsSync(rootfs) ? readdirSync(rootfs, { recursive: true }).map(String).sort() : [];
    const stop = async (): Promise<void> => {
      if (process.exitCode !== null) return;
      process.kill('SIGTERM');
      await once(process, 'exit');
    };
    const agent = { process, url, rootfs, log: () => log, left, stop };
    this.#agents.push(agent);
    return agent;
  }

  /** Pushes the image, encrypted for whoever gets the key of this name. @returns its digest */
  async push(name: string, kid = 'kbs:///default/key/image', key: Uint8Array = this.kek): Promise<string> {
    const wrapper = {
      annotation: `${KEY_ANNOTATION.provider}attestation-agent`,
      wrap: async (options: Uint8Array) => writePacket(sealPacket(options, { kid, kek: key, random })),
    };
    return this.#pushed(name, this.image.folder, { encrypt: { wrappers: [wrapper], random } });
  }

  /** Signs as cosign does: a manifest beside the image. */
  async sign(name: string, digest: string, by: KeyObject = this.signer.privateKey): Promise<void> {
    const { layout, tag } = cosignManifest(digest, `registry.example/${name}`, by);
    await this.#pushed(`${name}:${tag}`, layout);
  }

  async #pushed(name: string, layout: string, action = {}): Promise<string> {
    const target = registryTarget(parseReference(`${this.host}/${name}`), { insecure: true });
    const copied = copyImage({ source: layoutSource(layout, 'v1'), target, ...action });
    return (await copied.finally(() => target.close())).digest;
  }

  async #prepare(): Promise<void> {
    const { authentic } = readSigstruct(emulatedEnclave('known', this.#key, { isvSvn: 2 }).sigstruct);
    if (authentic === undefined) throw new Error('the SIGSTRUCT is none');
    for (const [name, value] of Object.entries(referenceValuesOf([authentic])))
      await this.server.admin('PUT', `/api/v1/reference-values/${name}`, { value });
    await this.server.admin('PUT', '/api/v1/attestation-policies/default_cpu', {
      text: attestationPolicy({ emulated: true }),
    });
    await this.server.admin('PUT', '/api/v1/resource-policy', { text: RESOURCE_POLICY });
    const signed = {
      type: 'sigstoreSigned',
      keyPath: 'kbs:///default/cosign/acme',
      signedIdentity: { type: 'matchRepository' },
    };
    const policy = {
      default: [{ type: 'reject' }],
      transports: { docker: { 'registry.example/signed': [signed] } },
    };
    const resources: Readonly<Record<string, Uint8Array | string>> = {
      'default/key/image': this.kek,
      'default/key/wrong': randomBytes(32),
      'default/cosign/acme': String(this.signer.publicKey.export({ type: 'spki', format: 'pem' })),
      'default/security-policy/test': JSON.stringify(policy),
    };
    for (const [name, value] of Object.entries(resources))
      await this.server.admin('PUT', `/api/v1/resources/${name}`, Buffer.from(value));
  }
}
