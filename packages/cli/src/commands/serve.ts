import type { Command } from 'commander';
import { type CommonFlags, command, group } from '../command.js';
import type { ServeFlags } from '../serve/run.js';

/** Services that can run alone, with the addresses they take where nothing else is said. */
const alone = [
  {
    name: 'kbs',
    summary: 'the Key Broker Service alone, with a remote Attestation Service',
    http: '127.0.0.1:8080',
    grpc: undefined,
  },
  {
    name: 'attestation-service',
    summary: 'the Attestation Service alone: gRPC and REST',
    http: '127.0.0.1:8081',
    grpc: '127.0.0.1:50004',
  },
  {
    name: 'rvps',
    summary: 'the Reference Value Provider Service alone: gRPC',
    http: '127.0.0.1:8082',
    grpc: '127.0.0.1:50003',
  },
] as const;

/** `assay serve`: everything in one process, or one service. The server is loaded only when it is to run. */
export function serveCommand(): Command {
  const all = serveOptions(
    command('serve', 'run Key Broker, Attestation and Reference Value Provider Service in one process', [
      'assay serve --data-dir /var/lib/assay --listen 0.0.0.0:8080',
      'assay serve --config kbs-config.toml',
    ]),
  )
    // Without it the flags behind the name of a service would be taken for those of `serve` itself.
    .enablePositionalOptions()
    .action(async (flags: ServeFlags) => (await import('../serve/run.js')).serve('all', flags, {}));
  for (const { name, summary, http, grpc } of alone) {
    const defaults = { 'http.listen': [http], ...(grpc === undefined ? {} : { 'grpc.listen': grpc }) };
    const one = command(name, summary, [`assay serve ${name}`, `assay serve ${name} --config assay.toml`]);
    all.addCommand(
      serveOptions(one).action(async (flags: ServeFlags) =>
        (await import('../serve/run.js')).serve(
          name,
          flags,
          name === 'kbs' ? { ...defaults, 'attestation_service.type': 'grpc' } : defaults,
        ),
      ),
    );
  }
  return all;
}

function serveOptions(to: Command): Command {
  return to
    .option('--config <file>', 'TOML settings, or a Trustee KBS configuration (TOML, YAML, JSON) as it stands')
    .option('--data-dir <folder>', 'database and keys', './assay-data')
    .option('--listen <host:port...>', 'addresses to listen on')
    .option('--grpc-listen <host:port>', 'address of the gRPC interfaces')
    .option('--insecure-http', 'plain HTTP; for tests only');
}

/** `assay config`: the configuration without starting anything. */
export function configCommand(): Command {
  const check = command('check', 'read a configuration, name everything wrong or without effect in it', [
    'assay config check assay.toml',
    'assay config check kbs-config.toml --json',
  ])
    .argument('<file>')
    .action(async (file: string, flags: CommonFlags) =>
      (await import('../serve/check-config.js')).checkConfig(file, flags),
    );
  return group(
    'config',
    'check a configuration',
    ['assay config check assay.toml', 'assay config check kbs-config.yaml'],
    [check],
  );
}
