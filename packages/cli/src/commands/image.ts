import type { Command } from 'commander';
import { collect, command, group } from '../command.js';
import type { DecryptFlags, EncryptFlags } from '../image/copy.js';

/** `assay image`: encrypted images. */
export function imageCommand(): Command {
  return group(
    'image',
    'encrypted images: encrypt, decrypt, look inside',
    [
      'assay image encrypt oci:plain:v1 oci:secret:v1 --encryption-key jwe:recipient.pub.pem',
      'assay image decrypt oci:secret:v1 oci:plain:v1 --decryption-key recipient.pem',
    ],
    [encrypt(), decrypt(), inspect()],
  );
}

const LOCATIONS = `
Locations: docker://HOST/REPOSITORY[:TAG|@DIGEST] (registry), oci:DIR[:TAG] (OCI layout), dir:DIR (as skopeo writes it).`;

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
    .addHelpText('after', LOCATIONS);
}

function encrypt(): Command {
  return withRegistry(
    command('encrypt', 'copy an image and encrypt its layers for recipients', [
      'assay image encrypt oci:plain:v1 oci:secret:v1 --encryption-key jwe:recipient.pub.pem',
      'assay image encrypt oci:plain:v1 docker://registry.example/team/app:v1 --encryption-key pkcs7:recipient.crt --layer -1',
    ])
      .argument('<source>', 'where the image is')
      .argument('<target>', 'where the encrypted one goes')
      .option('--encryption-key <kind:file>', 'recipient: jwe:PUBLIC-KEY or pkcs7:CERTIFICATE (repeatable)', collect)
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
        'private key, or the certificate of one for PKCS#7 (repeatable); the password is best given as file=PATH or fd=N',
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
      .option('--decryption-key <file[:password]>', 'say which layers this key opens (repeatable)', collect)
      .action(async (source: string, flags: DecryptFlags) =>
        (await import('../image/inspect.js')).inspectImage(source, flags),
      ),
  );
}
