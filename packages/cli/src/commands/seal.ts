import type { Command } from 'commander';
import { type CommonFlags, command, group, outputOf } from '../command.js';
import type { EnvelopeFlags, SealFlags } from '../seal/seal.js';

const PROVIDERS = { vault: 'kbs, aliyun, aws', envelope: 'aliyun, aws, ehsm' };

/** `assay secret seal`: sealed secrets for manifests. Works on this machine alone; what is sealed is printed. */
export function sealCommand(): Command {
  return group(
    'seal',
    'make a sealed secret, which may stand in a manifest: a signed pointer, or an encrypted secret',
    [
      'assay secret seal --signing-kid kbs:///default/sealing/public --signing-jwk-path sealed-signing-private.json vault -r kbs:///default/db/password -p kbs',
      'assay secret seal --signing-kid team --signing-jwk-path team-private.json envelope -k alias/db -f password.txt --data-key key.bin --encrypted-key key.enc -p aws --provider-settings \'{"region":"eu-west-1"}\'',
    ],
    [vault(), envelope()],
  )
    .enablePositionalOptions()
    .requiredOption('--signing-kid <kid>', 'name of the signing key: a KBS resource URI, or a file of the guest')
    .requiredOption('--signing-jwk-path <file>', 'private key (JWK, P-256)');
}

function common(to: Command, kind: keyof typeof PROVIDERS): Command {
  return to
    .requiredOption('-p, --provider <name>', `who has it: ${PROVIDERS[kind]}`)
    .option('--provider-settings <json>', 'settings of the provider’s client (default: {})')
    .option('-a, --annotations <json>', 'what the provider asks for beside the name (default: {})');
}

function vault(): Command {
  const base = command('vault', 'a pointer to a secret that somebody keeps', [
    'assay secret seal --signing-kid team --signing-jwk-path team-private.json vault -r kbs:///default/db/password -p kbs',
    'assay secret seal --signing-kid team --signing-jwk-path team-private.json vault -r db/password -p aws --provider-settings \'{"region":"eu-west-1"}\'',
  ]).requiredOption('-r, --resource-uri <name>', 'name of the secret; for kbs a KBS resource URI');
  return common(base, 'vault').action(async (_flags: unknown, given: Command) => {
    const flags = given.optsWithGlobals<SealFlags & CommonFlags & { resourceUri: string }>();
    const { sealPointer } = await import('../seal/seal.js');
    print(flags, sealPointer(flags));
  });
}

function envelope(): Command {
  const base = command('envelope', 'a secret that is encrypted here, by a data key that the provider has encrypted', [
    'assay secret seal --signing-kid team --signing-jwk-path team-private.json envelope -k alias/db -f password.txt --data-key key.bin --encrypted-key key.enc -p aws --provider-settings \'{"region":"eu-west-1"}\'',
    'assay secret seal --signing-kid team --signing-jwk-path team-private.json envelope -k ID -f - --data-key key.bin --encrypted-key key.enc -p ehsm --provider-settings \'{"app_id":"ID","endpoint":"https://ehsm:9000"}\'',
  ])
    .requiredOption('-k, --key-id <id>', 'key of the provider that encrypted the data key')
    .requiredOption('-f, --file-path <file>', 'the secret; `-` for standard input')
    .requiredOption('--data-key <file>', 'data key: 32 bytes, used once')
    .requiredOption('--encrypted-key <file>', 'the same key as the provider encrypted it');
  return common(base, 'envelope').action(async (_flags: unknown, given: Command) => {
    const flags = given.optsWithGlobals<EnvelopeFlags & CommonFlags>();
    const { sealEnvelope } = await import('../seal/seal.js');
    print(flags, sealEnvelope(flags));
  });
}

function print(flags: CommonFlags, sealed: string): void {
  outputOf(flags).result({ sealed }, (out) => out.write(`${sealed}\n`));
}

/** `assay secret keygen` */
export function keygenCommand(): Command {
  return command('keygen', 'make a key that signs sealed secrets: two JWK files', [
    'assay secret keygen',
    'assay secret keygen --kid team --output-dir keys',
  ])
    .option('--kid <name>', 'name of the key and of its files', 'sealed-signing')
    .option('--output-dir <folder>', 'where the files go', '.')
    .action(async (flags: CommonFlags & { kid: string; outputDir: string }) => {
      const { makeSigningKey } = await import('../seal/seal.js');
      const files = makeSigningKey(flags.kid, flags.outputDir);
      outputOf(flags).result({ private_key: files.privateKey, public_key: files.publicKey }, (out) =>
        out.write(`wrote ${files.privateKey} (keep it) and ${files.publicKey} (for the broker, or for guests)\n`),
      );
    });
}
