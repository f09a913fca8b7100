import { readFileSync } from 'node:fs';
import { splitCertificates } from '@assay/evidence/x509';
import { enrol as enrolKey, openTransport, pcrBanks, Tpm, tpmProperties } from '@assay/guest/tpm';
import { type Command, Option } from 'commander';
import { asCliError, httpTransport } from '../client/broker.js';
import { configHome, readCredentials } from '../client/config-home.js';
import { adminClient, readCa } from '../client/server.js';
import { keyChoice, type TpmFlags, tpmCliError, withTpmFlags } from '../client/tpm.js';
import { command, group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { columns, styled } from '../terminal/style.js';

interface EnrolledKey {
  readonly name: string;
  readonly enrolledAt: string;
  readonly expiresAt: string;
  readonly endorsement: {
    readonly spkiSha256: string;
    readonly certificate?: { readonly anchor: string };
    readonly device?: { readonly manufacturer?: string; readonly model?: string };
  };
  readonly by: { readonly address?: string; readonly subject?: string };
  readonly revoked?: { readonly at: string; readonly reason?: string };
}

/** `assay tpm`: attestation keys of TPMs, enrolled in the guest and kept by the server. */
export function tpmCommand(): Command {
  return group(
    'tpm',
    'attestation keys of TPMs: enrol them, list them, revoke them',
    ['assay tpm enrol --tpm /dev/tpmrm0', 'assay tpm list'],
    [info(), enrol(), list(), show(), revoke()],
  );
}

/** Does something with the TPM of the flags. @throws CliError */
async function withTpm<T>(address: string, work: (tpm: Tpm) => Promise<T>): Promise<T> {
  try {
    const tpm = new Tpm(await openTransport(address));
    try {
      return await work(tpm);
    } finally {
      await tpm.close();
    }
  } catch (error) {
    throw asCliError(tpmCliError(error));
  }
}

function info(): Command {
  return withTpmFlags(
    command('info', 'say what a TPM is: maker, firmware, banks of PCRs', [
      'assay tpm info',
      'assay tpm info --tpm unix:/run/tpm.sock --json',
    ]),
  ).action(async (flags: ServerCommandFlags & TpmFlags) => {
    const found = await withTpm(flags.tpm, async (tpm) => ({
      ...(await tpmProperties(tpm)),
      banks: (await pcrBanks(tpm)).map(({ algorithm, bank }) => bank ?? `algorithm 0x${algorithm.toString(16)}`),
    }));
    outputOf(flags).result(found, (out) =>
      out.write(
        columns([
          ['manufacturer', found.manufacturer],
          ['vendor', found.vendor],
          ['firmware', found.firmware],
          ['specification', (found.revision / 100).toFixed(2)],
          ['PCR banks', found.banks.join(', ')],
        ]),
      ),
    );
  });
}

type EnrolFlags = ServerCommandFlags & TpmFlags & { endorsementKey: 'rsa' | 'ecc'; ekCert?: string };

function enrol(): Command {
  return withTpmFlags(
    serverCommand('enrol', 'enrol the attestation key of this machine’s TPM with a server', [
      'assay tpm enrol --server https://kbs.example.com',
      'assay tpm enrol --tpm unix:/run/tpm.sock --ek-cert ek.pem',
    ]),
  )
    .addOption(
      new Option('--endorsement-key <kind>', 'kind of the endorsement key').choices(['rsa', 'ecc']).default('rsa'),
    )
    .option('--ek-cert <file>', 'EK certificate and CAs above it (default: the one in the TPM)')
    .action(async (flags: EnrolFlags) => {
      const credentials = readCredentials(configHome());
      const url = flags.server ?? credentials.current ?? 'https://127.0.0.1:8080';
      const entry = credentials.servers[url];
      const ca = flags.certFile === undefined ? entry?.ca : readCa(flags.certFile);
      const token = process.env['ASSAY_TOKEN'] ?? entry?.token;
      const enrolled = await withTpm(flags.tpm, (tpm) =>
        enrolKey({
          tpm,
          transport: httpTransport(url, ca, 'assay-tpm/0.1.0'),
          key: keyChoice(flags.tpmKey),
          endorsementKey: flags.endorsementKey === 'ecc' ? 'p256' : 'rsa2048',
          ...(flags.ekCert === undefined
            ? {}
            : { certificates: splitCertificates(new Uint8Array(readFileSync(flags.ekCert))) }),
          ...(token === undefined ? {} : { adminToken: token }),
        }),
      );
      outputOf(flags).result(enrolled, (out) =>
        out.write(`${styled(out, 'green', 'enrolled')} ${enrolled.name}\nuntil ${enrolled.expiresAt}\n`),
      );
    });
}

function list(): Command {
  return serverCommand('list', 'list enrolled attestation keys, revoked ones too', [
    'assay tpm list',
    'assay tpm list --json',
  ]).action(async (flags: ServerCommandFlags) => {
    const client = adminClient(flags);
    const items: EnrolledKey[] = [];
    let after: string | undefined;
    do {
      const query = new URLSearchParams({ limit: '500', ...(after === undefined ? {} : { after }) });
      const page = (await client.json('GET', `/api/v1/tpm/aks?${query}`)) as { items: EnrolledKey[]; next?: string };
      items.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    outputOf(flags).result({ items }, (out) =>
      out.write(
        items.length === 0
          ? 'no keys; enrol one with: assay tpm enrol\n'
          : columns([
              ['NAME', 'STATE', 'ENROLLED', 'ENDS', 'VOUCHED FOR BY'].map((h) => styled(out, 'bold', h)),
              ...items.map((key) => [
                key.name,
                key.revoked === undefined ? styled(out, 'green', 'good') : styled(out, 'red', 'revoked'),
                key.enrolledAt.slice(0, 10),
                key.expiresAt.slice(0, 10),
                voucher(key),
              ]),
            ]),
      ),
    );
  });
}

function show(): Command {
  return serverCommand('show', 'show an enrolled attestation key: what vouched for it, who enrolled it', [
    'assay tpm show 000b…',
    'assay tpm show 000b… --json',
  ])
    .argument('<name>', 'Name of the key, hex')
    .action(async (name: string, flags: ServerCommandFlags) => {
      const path = `/api/v1/tpm/aks/${encodeURIComponent(name)}`;
      const key = (await adminClient(flags).json('GET', path)) as EnrolledKey;
      outputOf(flags).result(key, (out) =>
        out.write(
          columns([
            ['name', key.name],
            ['enrolled', `${key.enrolledAt} by ${key.by.subject ?? key.by.address ?? 'somebody'}`],
            ['ends', key.expiresAt],
            ['endorsement key', key.endorsement.spkiSha256],
            ['vouched for by', voucher(key)],
            ...(key.revoked === undefined ? [] : [['revoked', `${key.revoked.at} ${key.revoked.reason ?? ''}`.trim()]]),
          ]),
        ),
      );
    });
}

function revoke(): Command {
  return serverCommand('revoke', 'revoke an attestation key for good', [
    'assay tpm revoke 000b… --reason "taken out of service"',
    'assay tpm revoke 000b… --endorsement-key',
  ])
    .argument('<name>', 'Name of the key, hex')
    .option('--endorsement-key', 'revoke the endorsement key too: no key of that TPM counts any more')
    .option('--reason <text>', 'kept with the key')
    .action(async (name: string, flags: ServerCommandFlags & { endorsementKey?: boolean; reason?: string }) => {
      const key = (await adminClient(flags).json('POST', `/api/v1/tpm/aks/${encodeURIComponent(name)}/revoke`, {
        ...(flags.endorsementKey === true ? { endorsement_key: true } : {}),
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      })) as EnrolledKey;
      outputOf(flags).result(key, (out) => out.write(`${styled(out, 'red', 'revoked')} ${key.name}\n`));
    });
}

function voucher({ endorsement }: EnrolledKey): string {
  const { certificate, device } = endorsement;
  if (certificate === undefined) return 'the owner (tpm.trusted_eks)';
  return [certificate.anchor, device?.model].filter((text) => text !== undefined).join(', ');
}
