import type { ApiFeature } from '@assay/guest/services';
import { type Command, Option } from 'commander';
import type { ApiServerFlags } from '../agent/api-server.js';
import type { AttestationAgentFlags, EmulatedAttester } from '../agent/attestation-agent.js';
import type { DataHubFlags } from '../agent/data-hub.js';
import type { InjectFlags } from '../agent/inject.js';
import type { Closable } from '../agent/lifetime.js';
import type { OneShot, OneShotFlags } from '../agent/one-shot.js';
import { type CommonFlags, collect, command, group, outputOf } from '../command.js';

const FEATURES = ['resource', 'attestation', 'all'];

/**
 * `assay agent`: the services of a confidential guest. Flags are those of the upstream programs of the same name.
 *
 * @param emulated attesters for `--tee`; absent in a guest's own bundle
 * @param others services that a guest's own bundle has not
 */
export function agentCommand(emulated?: EmulatedAttester, others: readonly Command[] = []): Command {
  return group(
    'agent',
    'guest services: Attestation Agent, Confidential Data Hub, REST interface',
    ['assay agent serve -c aa.toml', 'assay agent inject -- env'],
    [attestationAgent(emulated), dataHub(), apiServer(), serve(emulated), injectCommand(), oneShot(), ...others],
  );
}

/** The programs by the names that a guest's image has them under. */
export function guestPrograms(): readonly Command[] {
  return [attestationAgent(undefined), dataHub(), apiServer(), oneShot()];
}

function agentOptions(to: Command, emulated: EmulatedAttester | undefined): Command {
  to.option('-a, --attestation_sock <address>', 'unix:///path (ttrpc) or 127.0.0.1:PORT (gRPC)')
    .option('-c, --config-file <file>', 'settings: .toml, .json or .yaml')
    .option('-i, --initdata-digest <base64>', 'digest of the init-data that the guest was launched with')
    .option('-t, --initdata-toml <file>', 'the init-data itself; wins over its digest')
    .option('--grpc <host:port>', 'serve gRPC too, on this machine only')
    .option('-k, --keyprovider_sock <address>', 'serve keys of images as agents up to v0.8 did')
    .option('-g, --getresource_sock <address>', 'serve resources as agents up to v0.8 did')
    .option('--allow-configuration-update', 'let callers replace the configuration, as releases up to v0.11 did');
  if (emulated !== undefined)
    to.option('--tee <name>', 'emulated TEE, for development').option('--world <file>', 'keys of the emulated world');
  return to;
}

function attestationAgent(emulated: EmulatedAttester | undefined): Command {
  const base = command('attestation-agent', 'evidence, tokens and runtime measurements of this guest', [
    'assay agent attestation-agent -c /etc/attestation-agent.toml',
    'assay agent attestation-agent -a 127.0.0.1:50002 --tee emulated-tdx',
  ]);
  return agentOptions(base, emulated).action((flags: AttestationAgentFlags & CommonFlags) =>
    running(flags, async (output) => {
      const { startAttestationAgent } = await import('../agent/attestation-agent.js');
      return startAttestationAgent(flags, output, emulated);
    }),
  );
}

function dataHub(): Command {
  return command(
    'confidential-data-hub',
    'resources, sealed secrets, image keys and encrypted volumes for this guest',
    [
      'assay agent confidential-data-hub -c /etc/confidential-data-hub.toml',
      'assay agent confidential-data-hub -c cdh.toml --socket unix:///tmp/cdh.sock',
    ],
  )
    .option('-c, --config <file>', 'settings: .toml, .json or .yaml')
    .option('--socket <address>', 'instead of the one in the settings')
    .option('--grpc <host:port>', 'serve gRPC too, on this machine only')
    .option('--folder <path>', 'files of the service (default: /run/confidential-containers/cdh)')
    .action((flags: DataHubFlags & CommonFlags) =>
      running(flags, async (output) => (await import('../agent/data-hub.js')).startDataHub(flags, output)),
    );
}

function apiServer(): Command {
  return command('api-server-rest', 'REST interface for the guest’s containers, on the loopback interface', [
    'assay agent api-server-rest --features all',
    'assay agent api-server-rest -b 127.0.0.1:8006',
  ])
    .option('-b, --bind <host:port>', 'address to listen on (default: 127.0.0.1:8006)')
    .addOption(new Option('-f, --features <name>', 'what is served').choices(FEATURES).default('resource'))
    .option('-c, --cdh_addr <address>', 'socket of the Confidential Data Hub')
    .option('-a, --aa_addr <address>', 'socket of the Attestation Agent')
    .action((flags: ApiServerFlags & CommonFlags) =>
      running(flags, async (output) => [await (await import('../agent/api-server.js')).startApiServer(flags, output)]),
    );
}

interface ServeFlags extends AttestationAgentFlags, CommonFlags {
  readonly dataHubConfig?: string;
  readonly dataHubSocket?: string;
  readonly dataHubGrpc?: string;
  readonly folder?: string;
  readonly bind?: string;
  readonly features?: ApiFeature;
}

function serve(emulated: EmulatedAttester | undefined): Command {
  const base = command('serve', 'all three services in one process', [
    'assay agent serve -c aa.toml --data-hub-config cdh.toml --features all',
    'assay agent serve --tee emulated-snp --folder ./guest',
  ]);
  return agentOptions(base, emulated)
    .option('--data-hub-config <file>', 'settings of the Confidential Data Hub')
    .option('--data-hub-socket <address>', 'instead of the one in the settings')
    .option('--data-hub-grpc <host:port>', 'serve the Confidential Data Hub over gRPC too, on this machine only')
    .option('--folder <path>', 'files of the Confidential Data Hub (default: /run/confidential-containers/cdh)')
    .option('-b, --bind <host:port>', 'address of the REST interface (default: 127.0.0.1:8006)')
    .addOption(
      new Option('-f, --features <name>', 'what the REST interface serves').choices(FEATURES).default('resource'),
    )
    .action((flags: ServeFlags) =>
      running(flags, async (output) => {
        const { startAttestationAgent } = await import('../agent/attestation-agent.js');
        const { startDataHub } = await import('../agent/data-hub.js');
        const { startApiServer } = await import('../agent/api-server.js');
        const agent = await startAttestationAgent(flags, output, emulated);
        const agentSocket = agent[0]?.address ?? '';
        const { dataHubConfig: config, dataHubSocket: socket, dataHubGrpc: grpc, folder } = flags;
        const hub = await startDataHub(
          {
            agentSocket,
            ...(config === undefined ? {} : { config }),
            ...(socket === undefined ? {} : { socket }),
            ...(grpc === undefined ? {} : { grpc }),
            ...(folder === undefined ? {} : { folder }),
          },
          output,
        );
        const api = await startApiServer({ ...flags, aa_addr: agentSocket, cdh_addr: hub[0]?.address ?? '' }, output);
        return [...agent, ...hub, api];
      }),
    );
}

function injectCommand(): Command {
  return command('inject', 'start a program with its sealed secrets unsealed; where one does not unseal, not at all', [
    'assay agent inject -- /usr/bin/server',
    'assay agent inject --file /mnt/sealed/db=/run/secrets/db -- /usr/bin/server',
  ])
    .option('-c, --cdh_addr <address>', 'socket of the Confidential Data Hub')
    .option('--file <sealed=target>', 'unseal a file into another, which must not exist; repeatable', collect)
    .argument('<program...>', 'program and its arguments')
    .action(async (program: string[], flags: InjectFlags) => {
      process.exitCode = await (await import('../agent/inject.js')).inject(program, flags);
    });
}

/** `cdh-oneshot` of upstream: one call of the data hub, without its socket. */
function oneShot(): Command {
  const parent = group(
    'cdh-oneshot',
    'one call of the Confidential Data Hub, made by this process itself',
    [
      'assay agent cdh-oneshot -c cdh.toml get-resource -r kbs:///default/key/1',
      'assay agent cdh-oneshot -c cdh.toml secure-mount -s storage.json',
    ],
    ONE_SHOTS.map(({ examples, name, options, summary }) => {
      const member = command(name, summary, examples);
      for (const [flags, description] of options) member.requiredOption(flags, description);
      return member.action(async (_flags: unknown, given: Command) => {
        const { runOneShot } = await import('../agent/one-shot.js');
        const flags = given.optsWithGlobals<OneShotFlags & CommonFlags>();
        await runOneShot(name, flags, outputOf(flags));
      });
    }),
  );
  return parent
    .enablePositionalOptions()
    .option('-c, --config <file>', 'settings of the data hub: .toml, .json or .yaml')
    .option('-r, --retry <times>', 'times that a broker that did not answer is asked again (default: 3)')
    .option('--folder <path>', 'files of the data hub (default: /run/confidential-containers/cdh)');
}

const ONE_SHOTS = [
  {
    name: 'get-resource',
    summary: 'print a resource of the key broker, in base64',
    options: [['-r, --resource-uri <uri>', 'KBS resource URI']],
    examples: [
      'assay agent cdh-oneshot -c cdh.toml get-resource -r kbs:///default/key/1',
      'assay agent cdh-oneshot get-resource -r kbs:///default/key/1 | base64 -d',
    ],
  },
  {
    name: 'unseal-secret',
    summary: 'print what a sealed secret stands for, in base64',
    options: [['-s, --secret-path <file>', 'file of the sealed secret']],
    examples: [
      'assay agent cdh-oneshot -c cdh.toml unseal-secret -s sealed.txt',
      'assay agent cdh-oneshot unseal-secret -s sealed.txt | base64 -d',
    ],
  },
  {
    name: 'unwrap-key',
    summary: 'print the private options of an encrypted image layer, in base64',
    options: [['-a, --annotation-path <file>', 'file of the annotation packet']],
    examples: [
      'assay agent cdh-oneshot -c cdh.toml unwrap-key -a packet.json',
      'assay agent cdh-oneshot unwrap-key -a packet.json | base64 -d',
    ],
  },
  {
    name: 'secure-mount',
    summary: 'mount an encrypted volume',
    options: [['-s, --storage-path <file>', 'JSON: volume_type, options, flags, mount_point']],
    examples: [
      'assay agent cdh-oneshot -c cdh.toml secure-mount -s storage.json',
      'assay agent cdh-oneshot secure-mount -s /run/storage.json',
    ],
  },
  {
    name: 'pull-image',
    summary: 'pull an image into a bundle',
    options: [
      ['-i, --image-url <name>', 'name of the image'],
      ['-b, --bundle-path <folder>', 'folder of the bundle'],
    ],
    examples: [
      'assay agent cdh-oneshot -c cdh.toml pull-image -i registry.example/app:1 -b /run/bundle',
      'assay agent cdh-oneshot pull-image -i registry.example/app:1 -b ./bundle',
    ],
  },
] as const satisfies readonly {
  readonly name: OneShot;
  readonly summary: string;
  readonly options: readonly (readonly [flags: string, description: string])[];
  readonly examples: readonly [string, string];
}[];

/** Starts services, says where they listen, and runs until the process is told to end. */
export async function running(
  flags: CommonFlags,
  start: (output: ReturnType<typeof outputOf>) => Promise<readonly (Closable & { readonly address: string })[]>,
): Promise<void> {
  const output = outputOf(flags);
  const { starting } = await import('../agent/report.js');
  const { toldToEnd } = await import('../agent/lifetime.js');
  const services = await starting(() => start(output));
  const end = toldToEnd();
  const listening = services.map(({ address }) => address);
  output.result({ listening }, (out) => {
    for (const address of listening) out.write(`listening on ${address}\n`);
  });
  await end;
  for (const service of services) await service.close();
}
