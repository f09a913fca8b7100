import { readFileSync } from 'node:fs';
import { type Attester, sampleDeviceAttester } from '@assay/guest';
import {
  decodeJwtUnverified,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
  parseResourceUri,
  TEE_KEY_ALGORITHMS,
  type TeeKeyAlgorithm,
} from '@assay/protocol';
import { type Command, Option } from 'commander';
import {
  asCliError,
  attesterFor,
  createKbc,
  EMULATED_TEES,
  httpTransport,
  keyPairFromFile,
  newKeyPair,
} from '../client/broker.js';
import { configHome, readCredentials } from '../client/config-home.js';
import { readCa } from '../client/server.js';
import { isTpmTee, TPM_TEES, type TpmFlags, tpmGuest, withTpmFlags } from '../client/tpm.js';
import { group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { styled } from '../terminal/style.js';

type ClientFlags = ServerCommandFlags &
  TpmFlags & {
    tee: string;
    protocol: ProtocolVersion;
    keyAlgorithm: TeeKeyAlgorithm;
    teeKeyFile?: string;
    svn?: string;
    device?: boolean;
    emulatedDevice?: readonly ('nvidia' | 'nvidiadpu')[];
    initData?: string;
    world?: string;
  };

/** `assay client`: what a guest does, for trying things out. */
export function clientCommand(): Command {
  return group(
    'client',
    'guest-side calls, for testing a server',
    ['assay client attest --tee sample', 'assay client get-resource default/key/1'],
    [attest(), getResource()],
  );
}

function guestCommand(name: string, summary: string, examples: readonly [string, string]): Command {
  return withTpmFlags(serverCommand(name, summary, examples))
    .addOption(
      new Option('--tee <name>', 'TEE to speak for').choices([...EMULATED_TEES, ...TPM_TEES]).default('sample'),
    )
    .addOption(
      new Option('--protocol <version>', 'protocol version').choices(Object.keys(PROTOCOL_VERSIONS)).default('0.4.0'),
    )
    .addOption(
      new Option('--key-algorithm <name>', 'kind of TEE key')
        .choices(TEE_KEY_ALGORITHMS)
        .default('ECDH-ES+A256KW-P256'),
    )
    .option('--tee-key-file <pem>', 'use this private key instead of a fresh one')
    .option('--svn <text>', 'security version that the sample TEE claims')
    .option('--device', 'add evidence of a sample device')
    .addOption(
      new Option('--emulated-device <name>', 'add evidence of an emulated device; may be given twice')
        .choices(['nvidia', 'nvidiadpu'])
        .argParser((name: string, before: readonly string[] | undefined) => [...(before ?? []), name]),
    )
    .option('--world <file>', 'keys of the emulated world (`assay emulate serve`)')
    .option('--tpm-event-log <file>', 'event log of the TPM’s PCRs (default: the firmware’s, for a device)')
    .option('--init-data <file>', 'init-data document (TOML)');
}

function attest(): Command {
  return guestCommand('attest', 'run the handshake and print the attestation token', [
    'assay client attest',
    'assay client attest --tee sample --protocol 0.2.0 --json',
  ]).action(async (flags: ClientFlags) => {
    const kbc = await kbcOf(flags);
    const token = await kbc.attest().catch((error: unknown) => {
      throw asCliError(error);
    });
    const claims = token === '' ? undefined : decodeJwtUnverified(token).claims;
    outputOf(flags).result({ token, claims, attempt: kbc.lastAttempt }, (out) => {
      out.write(`${token}\n`);
      outputOf(flags).note(
        `${styled(outputOf(flags).err, 'green', 'attested')}, attempt ${kbc.lastAttempt ?? '(none)'}`,
      );
    });
  });
}

function getResource(): Command {
  return guestCommand('get-resource', 'attest and get a secret; prints its bytes as they are', [
    'assay client get-resource default/key/1 > key.bin',
    'assay client get-resource kbs:///default/key/1 --json',
  ])
    .argument('<resource>', 'REPOSITORY/TYPE/TAG or a KBS resource URI')
    .option('--attestation-token <file>', 'use this token instead of attesting (needs its --tee-key-file)')
    .action(async (resource: string, flags: ClientFlags & { attestationToken?: string }) => {
      const kbc = await kbcOf(
        flags,
        flags.attestationToken === undefined ? undefined : readFileSync(flags.attestationToken, 'utf8').trim(),
      );
      const secret = await kbc.getResource(parseResourceUri(resource)).catch((error: unknown) => {
        throw asCliError(error);
      });
      outputOf(flags).result(
        { resource, value: Buffer.from(secret).toString('base64'), attempt: kbc.lastAttempt },
        () => void process.stdout.write(secret),
      );
    });
}

async function kbcOf(flags: ClientFlags, token?: string) {
  const credentials = readCredentials(configHome());
  const url = flags.server ?? credentials.current ?? 'https://127.0.0.1:8080';
  const ca = flags.certFile === undefined ? credentials.servers[url]?.ca : readCa(flags.certFile);
  return createKbc({
    transport: httpTransport(url, ca, 'assay-client/0.1.0'),
    attester: await attesterOf(flags),
    keyPair: flags.teeKeyFile === undefined ? newKeyPair(flags.keyAlgorithm) : keyPairFromFile(flags.teeKeyFile),
    version: flags.protocol,
    ...(await devicesOf(flags)),
    ...(flags.initData === undefined ? {} : { initDataToml: readFileSync(flags.initData, 'utf8') }),
    ...(token === undefined ? {} : { token }),
  });
}

/** Devices beside the TEE; none named: what the environment asks for. */
async function devicesOf(flags: ClientFlags): Promise<{ readonly devices?: readonly Attester[] }> {
  const { device, emulatedDevice: names = [], world } = flags;
  if (device !== true && names.length === 0) return {};
  const emulated = await Promise.all(
    names.map((name) => attesterFor(`emulated-${name}`, world === undefined ? {} : { world })),
  );
  return { devices: [...(device === true ? [sampleDeviceAttester()] : []), ...emulated] };
}

async function attesterOf(flags: ClientFlags): Promise<Attester> {
  if (isTpmTee(flags.tee)) return tpmGuest(flags.tee, flags);
  return attesterFor(flags.tee, {
    ...(flags.svn === undefined ? {} : { svn: flags.svn }),
    ...(flags.world === undefined ? {} : { world: flags.world }),
  });
}
