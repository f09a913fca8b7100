import type { Command } from 'commander';
import { adminClient } from '../client/server.js';
import { command, group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { readJsonFile } from '../files.js';
import type { AnnotateFlags } from '../sev/annotate.js';
import type { ArkFlags, LaunchFlags } from '../sev/launch.js';
import { columns, styled } from '../terminal/style.js';

/** `assay sev`: pre-attestation of AMD SEV and SEV-ES guests. */
export function sevCommand(): Command {
  return group(
    'sev',
    'pre-attestation of AMD SEV and SEV-ES guests: annotations, launch policies, report keys',
    ['assay sev annotate --uri 10.0.0.5:44444 --es --file pod.yaml', 'assay sev policy set default --file policy.json'],
    [annotate(), lint(), policy(), reportKey(), emulatedArk(), launch()],
  );
}

function annotate(): Command {
  return command('annotate', 'render the three annotations of Kata Containers, alone or into a manifest', [
    'assay sev annotate --uri 10.0.0.5:44444',
    'assay sev annotate --uri 10.0.0.5:44444 --es --file pod.yaml > pod-sev.yaml',
  ])
    .requiredOption('--uri <host:port>', 'key broker, as the shim on the node reaches it')
    .option('--policy <n>', 'SEV guest policy, decimal', '3')
    .option('--es', 'SEV-ES: sets policy bit 2')
    .option('--off', 'switch pre-attestation off')
    .option('--file <yaml>', 'manifest to put them into; `-` for standard input')
    .action(async (flags: AnnotateFlags) => (await import('../sev/annotate.js')).annotateManifest(flags));
}

function lint(): Command {
  return command('lint', 'check the SEV annotations of a manifest: names, values, place, runtime class', [
    'assay sev lint pod.yaml',
    'kubectl get pod web -o yaml | assay sev lint - --json',
  ])
    .argument('<file>', 'manifest, YAML or JSON; `-` for standard input')
    .action(async (file: string, flags: object) => (await import('../sev/lint.js')).lintFile(file, flags));
}

interface PolicyRecord {
  readonly target: string;
  readonly policy: Readonly<Record<string, unknown>>;
  readonly setAt: string;
  readonly setBy: string;
}

function policy(): Command {
  return group(
    'policy',
    'launch policies in the form of simple-kbs: of `default`, of a resource, of `report-key/ID`',
    ['assay sev policy set default --file default_policy.json', 'assay sev policy list'],
    [policyList(), policyShow(), policySet(), policyDelete()],
  );
}

function policyList(): Command {
  return serverCommand('list', 'list launch policies', [
    'assay sev policy list',
    'assay sev policy list --json',
  ]).action(async (flags: ServerCommandFlags) => {
    const client = adminClient(flags);
    const items: PolicyRecord[] = [];
    let after: string | undefined;
    do {
      const query = new URLSearchParams({ limit: '500', ...(after === undefined ? {} : { after }) });
      const page = (await client.json('GET', `/api/v1/sev/launch-policies?${query}`)) as {
        items: PolicyRecord[];
        next?: string;
      };
      items.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    outputOf(flags).result({ items }, (out) =>
      out.write(
        items.length === 0
          ? 'no launch policies: every launch on a genuine platform passes, and the resource policy decides\n'
          : columns([
              ['TARGET', 'SET', 'BY'].map((heading) => styled(out, 'bold', heading)),
              ...items.map(({ target, setAt, setBy }) => [target, setAt, setBy]),
            ]),
      ),
    );
  });
}

function policyShow(): Command {
  return serverCommand('show', 'show a launch policy', [
    'assay sev policy show default',
    'assay sev policy show default/key/1',
  ])
    .argument('<target>', '`default`, REPOSITORY/TYPE/TAG or report-key/ID')
    .action(async (target: string, flags: ServerCommandFlags) => {
      const record = (await adminClient(flags).json('GET', pathOf(target))) as PolicyRecord;
      outputOf(flags).result(record, (out) => out.write(`${JSON.stringify(record.policy, null, 2)}\n`));
    });
}

function policySet(): Command {
  return serverCommand('set', 'set a launch policy from a file, as simple-kbs has it (default_policy.json)', [
    'assay sev policy set default --file default_policy.json',
    'assay sev policy set default/key/1 --file - < policy.json',
  ])
    .argument('<target>', '`default`, REPOSITORY/TYPE/TAG or report-key/ID')
    .requiredOption('--file <json>', 'the policy; `-` for standard input')
    .action(async (target: string, flags: ServerCommandFlags & { file: string }) => {
      const record = (await adminClient(flags).json('PUT', pathOf(target), readJsonFile(flags.file))) as PolicyRecord;
      outputOf(flags).result(record, (out) =>
        out.write(`${styled(out, 'green', 'set')} launch policy of ${record.target}\n`),
      );
    });
}

function policyDelete(): Command {
  return serverCommand('delete', 'delete a launch policy', [
    'assay sev policy delete default/key/1',
    'assay sev policy delete default --json',
  ])
    .argument('<target>', '`default`, REPOSITORY/TYPE/TAG or report-key/ID')
    .action(async (target: string, flags: ServerCommandFlags) => {
      await adminClient(flags).json('DELETE', pathOf(target));
      outputOf(flags).result({ deleted: target }, (out) => out.write(`deleted the launch policy of ${target}\n`));
    });
}

interface KeyRecord {
  readonly id: string;
  readonly publicKey: string;
}

function reportKey(): Command {
  const path = (id: string): string => `/api/v1/sev/report-keys/${encodeURIComponent(id)}`;
  const create = serverCommand(
    'create',
    'make the key that signs reports of an id; its private half stays in the server',
    ['assay sev report-key create release', 'assay sev report-key create release --json'],
  )
    .argument('<id>', 'id that guests ask reports by')
    .action(async (id: string, flags: ServerCommandFlags) => {
      const record = (await adminClient(flags).json('PUT', path(id))) as KeyRecord;
      outputOf(flags).result(record, (out) => out.write(record.publicKey));
    });
  const show = serverCommand('show', 'print the public key that verifies reports of an id', [
    'assay sev report-key show release',
    'assay sev report-key show release > release.pem',
  ])
    .argument('<id>', 'id that guests ask reports by')
    .action(async (id: string, flags: ServerCommandFlags) => {
      const record = (await adminClient(flags).json('GET', path(id))) as KeyRecord;
      outputOf(flags).result(record, (out) => out.write(record.publicKey));
    });
  return group(
    'report-key',
    'keys that sign reports of launches',
    ['assay sev report-key create release', 'assay sev report-key show release'],
    [create, show],
  );
}

function emulatedArk(): Command {
  return command(
    'emulated-ark',
    'write the ARK of the emulated platform of `assay sev launch`, for `sev.emulated_ark`',
    ['assay sev emulated-ark --out ark.cert', 'assay sev emulated-ark --out ark.cert --world world.json'],
  )
    .requiredOption('--out <file>', 'file to write')
    .option('--world <file>', 'emulated world (default: that of this user)')
    .action(async (flags: ArkFlags) => (await import('../sev/launch.js')).writeEmulatedArk(flags));
}

function launch(): Command {
  const summary = 'launch an emulated SEV guest against a key broker: bundle, measurement, secret, injection';
  return withArtifacts(
    command('launch', summary, [
      'assay sev launch --kbs 127.0.0.1:44444 --firmware OVMF.fd --keyset KEYSET-1',
      'assay sev launch --kbs 127.0.0.1:44444 --policy 7 --digest $(assay measure sev --firmware OVMF.fd --es --json | jq -r .launch_digest) --online',
    ]),
    false,
  )
    .requiredOption('--kbs <host:port>', 'address of `[sev] listen`')
    .option('--tls <pem>', 'speak TLS, and believe this CA')
    .option('--policy <n>', 'SEV guest policy: 3 for SEV, 7 for SEV-ES', '3')
    .option('--digest <hex>', 'launch digest, instead of artifacts')
    .option('--keyset <id>', 'keyset to ask for', 'KEYSET-1')
    .option('--online', 'ask for a connection instead of the keyset')
    .option('--out <folder>', 'write what is injected as files by GUID, readable by this user only')
    .option('--world <file>', 'emulated world (default: that of this user)')
    .action(async (flags: LaunchFlags) => (await import('../sev/launch.js')).launchEmulated(flags));
}

/** Flags that describe what is launched. */
export function withArtifacts(of: Command, required: boolean): Command {
  const firmware = ['--firmware <file>', 'firmware, whole (OVMF.fd)'] as const;
  return (required ? of.requiredOption(...firmware) : of.option(...firmware))
    .option('--kernel <file>', 'kernel, where QEMU boots one directly')
    .option('--initrd <file>', 'its initrd')
    .option('--append <text>', 'its command line')
    .option('--es', 'SEV-ES: register state is measured too')
    .option('--vcpus <n>', 'vCPUs (SEV-ES)')
    .option('--cpu <model>', 'QEMU’s name of the processor (SEV-ES; default EPYC-v4)')
    .option('--cpu-signature <hex>', 'CPUID signature instead, 0x…')
    .option('--fpu <state>', '`zero` (hosts of CC-0.5.0; default) or `reset` (later hosts)');
}

function pathOf(target: string): string {
  return `/api/v1/sev/launch-policies/${target.split('/').map(encodeURIComponent).join('/')}`;
}
