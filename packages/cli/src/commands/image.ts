import type { Command } from 'commander';
import { collect, command, group } from '../command.js';
import type { DecryptFlags, EncryptFlags, PullFlags } from '../image/copy.js';
import type { RunFlags } from '../image/run.js';
import type { VerifyFlags } from '../image/verify.js';

/** `assay image`: encrypted and signed images. */
export function imageCommand(): Command {
  return group(
    'image',
    'encrypted and signed images: encrypt, decrypt, inspect, pull, verify, run',
    [
      'assay image encrypt oci:plain:v1 oci:secret:v1 --encryption-key jwe:recipient.pub.pem',
      'assay image decrypt oci:secret:v1 oci:plain:v1 --decryption-key recipient.pem',
    ],
    [encrypt(), decrypt(), inspect(), pull(), verify(), run()],
  );
}

const LOCATIONS = `
Locations: docker://HOST/REPOSITORY[:TAG|@DIGEST] (registry), oci:DIR[:TAG] (OCI layout), dir:DIR (as skopeo writes it).
Where a file is wanted, kbs:///REPOSITORY/TYPE/TAG is a resource of the key broker that --data-hub or --kbs reaches.`;

/** Flags of every command that may talk to a registry. */
function withRegistry(to: Command): Command {
  return to
    .option(
      '--authfile <file>',
      'credentials for registries (default: REGISTRY_AUTH_FILE, or those of podman and docker)',
    )
    .option('--registries-conf <file>', 'mirrors, other locations and blocks of registries')
    .option('--registry-ca <pem>', 'authority that signs the registry’s certificate')
    .option('--proxy <url>', 'proxy to registries (default: HTTPS_PROXY and NO_PROXY)')
    .option('--insecure-registry', 'talk to the registry in clear; for tests only')
    .option('--data-hub <address>', 'fetch kbs:///… by way of this guest’s services: unix:///… of its data hub')
    .option('--kbs <url>', 'fetch kbs:///… from this key broker, as a guest')
    .option('--cert-file <pem>', 'authority that signs the key broker’s certificate')
    .option('--tee <name>', 'TEE to speak for to the key broker', 'sample')
    .option('--world <file>', 'keys of the emulated world, for an emulated TEE')
    .addHelpText('after', LOCATIONS);
}

function encrypt(): Command {
  return withRegistry(
    command('encrypt', 'copy an image and encrypt its layers for recipients', [
      'assay image encrypt oci:plain:v1 oci:secret:v1 --encryption-key jwe:recipient.pub.pem',
      'assay image encrypt oci:plain:v1 docker://registry.example/team/app:v1 --encryption-key pgp:alice@example.com --layer -1',
    ])
      .argument('<source>', 'where the image is')
      .argument('<target>', 'where the encrypted one goes')
      .option(
        '--encryption-key <kind:key>',
        'recipient: jwe:PUBLIC-KEY, pkcs7:CERTIFICATE, pgp:MAIL-ADDRESS or provider:NAME[:PARAMETERS] (repeatable)',
        collect,
      )
      .option('--pgp-keyring <file>', 'where recipients of OpenPGP are looked up (default: the keyring of gpg)')
      .option('--layer <n>', 'encrypt this layer alone: 0 is the lowest, -1 the last (repeatable)', collect)
      .action(async (source: string, target: string, flags: EncryptFlags) =>
        (await import('../image/copy.js')).encryptImage(source, target, flags),
      ),
  );
}

function decrypt(): Command {
  return withRegistry(
    command('decrypt', 'copy an image and decrypt its layers', [
      'assay image decrypt docker://registry.example/team/app:v1 oci:plain:v1 --decryption-key recipient.pem',
      'assay image decrypt dir:secret oci:plain:v1 --decryption-key key.pem:file=password --decryption-key recipient.crt',
    ])
      .argument('<source>', 'where the encrypted image is')
      .argument('<target>', 'where the decrypted one goes')
      .option(
        '--decryption-key <file[:password]>',
        'private key, the certificate of one for PKCS#7, OpenPGP keys as gpg exports them, pgp: (whatever gpg can open), or provider:NAME[:PARAMETERS] (repeatable); the password is best given as file=PATH or fd=N',
        collect,
      )
      .action(async (source: string, target: string, flags: DecryptFlags) =>
        (await import('../image/copy.js')).decryptImage(source, target, flags),
      ),
  );
}

function inspect(): Command {
  return withRegistry(
    command('inspect', 'what an image is made of, which layers are encrypted, and for whom', [
      'assay image inspect oci:secret:v1',
      'assay image inspect oci:secret:v1 --decryption-key recipient.pem --json',
    ])
      .argument('<source>', 'where the image is')
      .option('--decryption-key <file[:password]>', 'say which layers this key or provider opens (repeatable)', collect)
      .action(async (source: string, flags: DecryptFlags) =>
        (await import('../image/inspect.js')).inspectImage(source, flags),
      ),
  );
}

/** Flags of commands that fetch layers. */
function withCache(to: Command): Command {
  return to
    .option('--layer-cache <dir>', 'keep encrypted layers of registries here, as they are, for the next pull')
    .option('--layer-cache-size <mib>', 'most that is kept (default: 10240)');
}

/** Flags of every command that looks at signatures. */
function withSignatures(to: Command): Command {
  return to
    .option('--signature-policy <file>', 'which signatures are wanted: containers-policy.json')
    .option('--lookaside <yaml>', 'where OpenPGP signatures lie: a file of registries.d')
    .option('--reference <name>', 'name of an image in a layout or directory, which has none of its own')
    .option('--allow-expired-key', 'take signatures of OpenPGP keys that have expired since')
    .option('--allow-sha1', 'take OpenPGP signatures over SHA-1');
}

function pull(): Command {
  return withRegistry(
    withCache(
      withSignatures(
        command('pull', 'verify an image’s signatures, and copy it, decrypted where keys are given', [
          'assay image pull docker://registry.example/team/app:v1 oci:app:v1 --signature-policy policy.json',
          'assay image pull docker://registry.example/team/app:v1 oci:app:v1 --authfile kbs:///default/credential/app --kbs https://kbs.example',
        ]),
      ),
    )
      .argument('<source>', 'where the image is')
      .argument('<target>', 'where it goes')
      .option('--decryption-key <file[:password]>', 'private key, certificate or provider:NAME (repeatable)', collect)
      .action(async (source: string, target: string, flags: PullFlags) =>
        (await import('../image/copy.js')).pullImage(source, target, flags),
      ),
  );
}

function verify(): Command {
  return withRegistry(
    withSignatures(
      command('verify', 'ask a signature policy about an image', [
        'assay image verify docker://registry.example/team/app:v1 --signature-policy policy.json',
        'assay image verify oci:app:v1 --signature-policy policy.json --lookaside sigstore.yaml --reference registry.example/team/app:v1',
      ]),
    )
      .argument('<source>', 'where the image is')
      .action(async (source: string, flags: VerifyFlags) =>
        (await import('../image/verify.js')).verifyImage(source, flags),
      ),
  );
}

function run(): Command {
  return withRegistry(
    withCache(
      withSignatures(
        command('run', 'verify, decrypt and unpack an image, and start it with runc or crun', [
          'assay image run docker://registry.example/team/app:v1 --decryption-key key.pem --signature-policy policy.json',
          'assay image run oci:app:v1 --bundle ./bundle -- /bin/app serve',
        ]),
      ),
    )
      .argument('<source>', 'where the image is')
      .argument('[command...]', 'instead of the image’s command')
      .option('--decryption-key <file[:password]>', 'private key, certificate or provider:NAME (repeatable)', collect)
      .option('--bundle <dir>', 'make the bundle here, and keep it')
      .option('--runtime <name>', 'runc, crun, or a path (default: the one that is there)')
      .option('--env <name=value>', 'add to the environment (repeatable)', collect)
      .option('--platform <os/architecture>', 'of an image for several (default: this machine’s)')
      .action(async (source: string, words: readonly string[], flags: RunFlags) =>
        (await import('../image/run.js')).runImage(source, words, flags),
      ),
  );
}
