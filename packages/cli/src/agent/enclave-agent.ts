import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FindingDraft } from '@assay/bytes/findings';
import { type Attester, CcKbc, type Kbc } from '@assay/guest';
import {
  AGENT_URL,
  type DecryptConfig,
  EnclaveAgent,
  enclaveImageService,
  type ImageStore,
  isLoopback,
  OCICRYPT_CONFIG_FILE,
  plainStore,
  readDecryptConfig,
  readOcicryptConfig,
  STRICTEST_DECRYPT_CONFIG,
  sealedStore,
} from '@assay/guest/enclave-cc';
import { DEFAULT_IMAGE_CONFIG, detectAttester, httpTransport, systemAt } from '@assay/guest/services';
import { generateTeeKeyPair } from '@assay/protocol';
import { serveTtrpc } from '@assay/ttrpc';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../terminal/output.js';
import type { EmulatedAttester } from './attestation-agent.js';
import type { Closable } from './lifetime.js';
import { reporter } from './report.js';

export interface EnclaveAgentFlags {
  readonly listen?: string;
  readonly decryptConfig?: string;
  readonly ocicryptConfig?: string;
  readonly rootfs?: string;
  readonly store?: string;
  readonly imagePolicy?: string;
  readonly sigstoreConfig?: string;
  readonly registries?: string;
  readonly credentials?: string;
  readonly tee?: string;
  readonly enclave?: string;
  readonly world?: string;
}

const NAME = 'enclave-agent';
/** Where image-rs of the agent's release looks for it. */
const POLICY = 'kbs:///default/security-policy/test';

/** Starts a simulated agent enclave. */
export async function startEnclaveAgent(
  flags: EnclaveAgentFlags,
  output: Output,
  emulated: EmulatedAttester,
): Promise<readonly (Closable & { readonly address: string })[]> {
  const told = reporter(output, NAME);
  const config = decryptConfigOf(flags, output);
  const unwraps = unwrapsKeys(flags, output);
  const attester = await attesterOf(flags, emulated);
  if (attester.tee !== 'sgx')
    output.note(`${NAME}: no SGX enclave was found; evidence is of kind ${attester.tee}, not of an enclave`);
  const store = storeOf(flags, attester);
  output.note(`${NAME}: this agent is simulated: what it decrypts can be read on this machine`);
  const agent = new EnclaveAgent({
    rootfs: rootOf(flags),
    kbc: brokerOf(config, attester, output),
    unwraps,
    image: imageConfigOf(flags, config),
    store,
    now: () => new Date(),
    random: (length) => randomBytes(length),
  });
  const listen = flags.listen ?? AGENT_URL;
  if (!isLoopback(listen))
    output.note(`${NAME}: ${listen} is open to other machines, neither encrypted nor authenticated; use ${AGENT_URL}`);
  const services = new Map([enclaveImageService(agent, told.onFailure)]);
  const server = await serveTtrpc(listen, { services, onDefect: told.onDefect });
  return [{ address: server.address, close: () => server.close() }];
}

/** Without a sealing key nothing can be sealed to the enclave: only emulated ones have one here. */
function storeOf({ store = 'plain' }: EnclaveAgentFlags, attester: Attester): ImageStore {
  if (store === 'plain') return plainStore;
  if (store !== 'sealed') throw new CliError(`--store ${store}: plain or sealed`, EXIT.usage);
  const sealingKey = 'sealingKey' in attester ? attester.sealingKey : undefined;
  if (!(sealingKey instanceof Uint8Array))
    throw new CliError('--store sealed: only `--tee emulated-sgx` has a sealing key', EXIT.usage);
  return sealedStore({ sealingKey, random: (length) => randomBytes(length) });
}

/** A file that is none is the strictest configuration: it is said, and nothing is pulled. */
function decryptConfigOf({ decryptConfig: file }: EnclaveAgentFlags, output: Output): DecryptConfig {
  const strictest = 'going on without a key broker, and with signatures asked for';
  if (file === undefined || file === '') {
    output.note(`${NAME}: no --decrypt-config; ${strictest}`);
    return STRICTEST_DECRYPT_CONFIG;
  }
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    output.note(`${NAME}: ${file} cannot be read (${code}); ${strictest}`);
    return STRICTEST_DECRYPT_CONFIG;
  }
  const { config, findings } = readDecryptConfig(bytes, file);
  tell(findings, output);
  return config;
}

/** A missing file ends the start, as it does upstream. */
function unwrapsKeys({ ocicryptConfig: file = OCICRYPT_CONFIG_FILE }: EnclaveAgentFlags, output: Output): boolean {
  const { providers, native, findings } = readOcicryptConfig(new Uint8Array(readFileSync(file)), file);
  const [fault] = findings.filter(({ outcome }) => outcome === 'fail');
  if (providers === undefined)
    throw new CliError(fault?.title ?? `${file} does not parse`, EXIT.malformed, { hint: fault?.remedy ?? '' });
  tell(findings, output);
  return native;
}

function tell(findings: readonly FindingDraft[], output: Output): void {
  for (const { outcome, title, remedy } of findings)
    if (outcome !== 'pass') output.note(`${NAME}: ${title ?? ''}${remedy === undefined ? '' : `; ${remedy}`}`);
}

async function attesterOf({ tee, world, enclave }: EnclaveAgentFlags, emulated: EmulatedAttester): Promise<Attester> {
  if (tee === undefined) {
    if (enclave !== undefined) throw new CliError('--enclave is for --tee emulated-sgx', EXIT.usage);
    return detectAttester({ system: systemAt('/'), env: process.env, arch: process.arch });
  }
  return emulated(tee, {
    ...(world === undefined ? {} : { world }),
    ...(enclave === undefined ? {} : { enclave }),
  });
}

function brokerOf({ keyProvider }: DecryptConfig, attester: Attester, output: Output): Kbc | undefined {
  if (keyProvider === undefined) return undefined;
  if (keyProvider.kbc !== 'cc_kbc') {
    output.note(`${NAME}: there is no ${keyProvider.kbc} here, only cc_kbc; going on without a key broker`);
    return undefined;
  }
  const random = (length: number): Uint8Array => randomBytes(length);
  const ca = process.env['KBS_CERT'];
  return new CcKbc({
    transport: httpTransport({ url: keyProvider.uri, ...(ca === undefined || ca === '' ? {} : { ca }) }),
    attester,
    keyPair: generateTeeKeyPair('ECDH-ES+A256KW-P256', random),
    random,
    now: () => new Date(),
  });
}

function imageConfigOf(flags: EnclaveAgentFlags, { securityValidate }: DecryptConfig) {
  const { imagePolicy = POLICY, sigstoreConfig, registries, credentials } = flags;
  // Arguments are the host's: it may choose among policies of the broker, and bring none of its own.
  if (!/^kbs(\+[^:]*)?:\/\//.test(imagePolicy))
    throw new CliError(`--image-policy ${imagePolicy}: a resource of the key broker is due, as ${POLICY}`, EXIT.usage);
  return {
    ...DEFAULT_IMAGE_CONFIG,
    workDir: join(rootOf(flags), 'run/image-rs'),
    policy: securityValidate ? { uri: imagePolicy } : undefined,
    sigstore: documentOf(sigstoreConfig),
    registries: documentOf(registries),
    credentialsUri: credentials === undefined ? undefined : placeOf(credentials),
  };
}

function documentOf(place: string | undefined): { readonly uri: string } | undefined {
  return place === undefined ? undefined : { uri: placeOf(place) };
}

/** URIs stay as they are; paths become absolute. */
function placeOf(text: string): string {
  return /^(kbs(\+[^:]*)?|file):/.test(text) ? text : resolve(text);
}

function rootOf({ rootfs = '/' }: EnclaveAgentFlags): string {
  return resolve(rootfs);
}
