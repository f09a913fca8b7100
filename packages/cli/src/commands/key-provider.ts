import { type Command, Option } from 'commander';
import { command, group } from '../command.js';
import type { ServeFlags } from '../key-provider/serve.js';

/** `assay key-provider`: what skopeo, buildah and `assay image` ask to wrap the keys of image layers. */
export function keyProviderCommand(): Command {
  const serve = command('serve', 'wrap the keys of image layers for guests, as ocicrypt’s key provider over gRPC', [
    'assay key-provider serve --kbs https://127.0.0.1:8080',
    'assay key-provider serve --listen 127.0.0.1:50000 --keys ./keks --unwrap',
  ])
    .option('--listen <host:port>', 'on this machine only, or unix:///PATH for ttrpc', '127.0.0.1:50000')
    .option('--kbs <url>', 'key broker that every new key is put into, before anything is wrapped with it')
    .option('--auth-private-key <pem>', 'Ed25519 key of its administrator (default: the token of `assay login`)')
    .option('--cert-file <pem>', 'CA or certificate to believe of it, beside the system’s roots')
    .option('--keys <dir>', 'keep keys here too, as REPOSITORY/TYPE/TAG, and use those that are here')
    .option('--unwrap', 'open what was wrapped with the keys of --keys: whoever reaches the address can')
    .option('--replace', 'put keys over resources of the same name that the key broker has')
    .option('--allow-sample', 'use the public sample key where `sample=true` asks for it; for tests only')
    .addOption(new Option('--packet <form>', 'form of what is written').choices(['coco', 'eaa']).default('coco'))
    .addHelpText(
      'after',
      `
Parameters behind provider:attestation-agent: on the command line of skopeo, joined by \`::\`
  keyid=kbs:///REPOSITORY/TYPE/TAG   name of the key (default: a new one)
  keypath=FILE                       its 32 bytes (default: random ones)
  algorithm=A256GCM|A256CTR          A256CTR authenticates nothing
  sample=true                        the public sample key
With --packet eaa the one parameter is the plain name of the key.`,
    )
    .action(async (flags: ServeFlags) => (await import('../key-provider/serve.js')).serveKeyProvider(flags));
  return group(
    'key-provider',
    'key provider for encrypted images: wraps the keys of layers for guests',
    ['assay key-provider serve', 'assay key-provider serve --kbs https://127.0.0.1:8080'],
    [serve],
  );
}
