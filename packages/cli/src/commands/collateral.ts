import { readFileSync, writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { adminClient } from '../client/server.js';
import { group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { EXIT } from '../exit.js';
import { columns, styled } from '../terminal/style.js';

interface Status {
  readonly exporter_key: string;
  readonly items: readonly {
    readonly item: string;
    readonly state: 'good' | 'ending' | 'ended' | 'not-yet-valid';
    readonly next_update?: string;
    readonly fetched_at: string;
    readonly fetched_from: string;
  }[];
  readonly evaluations?: readonly {
    readonly tee: string;
    readonly numbers: readonly { readonly number: number; readonly tcb_date: string }[];
  }[];
  readonly pinned_evaluation?: number;
}

/** `assay collateral`: what hardware vendors have said, as a server keeps it. */
export function collateralCommand(): Command {
  return group(
    'collateral',
    'vendors’ TCB info, certificates and revocation lists, as a server keeps them',
    ['assay collateral status', 'assay collateral export bundle.json'],
    [status(), exportBundle(), importBundle(), refresh()],
  );
}

function status(): Command {
  return serverCommand('status', 'what is kept, and what expires when', [
    'assay collateral status',
    'assay collateral status --json',
  ]).action(async (flags: ServerCommandFlags) => {
    const answer = (await adminClient(flags).json('GET', '/api/v1/collateral')) as Status;
    outputOf(flags).result(answer, (out) => {
      const colour = { good: 'green', ending: 'yellow', ended: 'red', 'not-yet-valid': 'red' } as const;
      out.write(
        answer.items.length === 0
          ? 'nothing is kept yet; it is fetched with the first evidence that needs it\n'
          : columns([
              ['ITEM', 'STATE', 'ENDS', 'FROM'].map((h) => styled(out, 'bold', h)),
              ...answer.items.map((item) => [
                item.item,
                styled(out, colour[item.state], item.state),
                item.next_update ?? 'never',
                item.fetched_from,
              ]),
            ]),
      );
      for (const { numbers, tee } of answer.evaluations ?? []) {
        const list = numbers.map(({ number, tcb_date: date }) => `${number} (${date.slice(0, 10)})`).join(', ');
        out.write(`\nTCB evaluations that Intel serves for ${tee}, with the day of their TCB: ${list}\n`);
      }
      if (answer.pinned_evaluation !== undefined) out.write(`\npinned to TCB evaluation ${answer.pinned_evaluation}\n`);
      out.write(`\nthis server signs bundles with ${answer.exporter_key}\n`);
    });
  });
}

function exportBundle(): Command {
  return serverCommand('export', 'write everything that is kept to a signed bundle', [
    'assay collateral export bundle.json',
    'assay collateral export bundle.json --json',
  ])
    .argument('<file>')
    .action(async (file: string, flags: ServerCommandFlags) => {
      const bundle = await adminClient(flags).json('POST', '/api/v1/collateral/export');
      writeFileSync(file, `${JSON.stringify(bundle)}\n`);
      outputOf(flags).result({ file }, (out) => out.write(`${styled(out, 'green', 'exported')} to ${file}\n`));
    });
}

function importBundle(): Command {
  return serverCommand(
    'import',
    'take a bundle of a known exporter (`collateral.exporters`); every record is verified',
    ['assay collateral import bundle.json', 'assay collateral import bundle.json --json'],
  )
    .argument('<file>')
    .action(async (file: string, flags: ServerCommandFlags) => {
      const report = (await adminClient(flags).bytes('POST', '/api/v1/collateral/import', readFileSync(file))) as {
        exporter: string;
        taken: number;
        refused: string[];
      };
      outputOf(flags).result(report, (out) => {
        out.write(`${styled(out, 'green', 'taken')} ${report.taken} records of ${report.exporter}\n`);
        for (const line of report.refused) out.write(`${styled(out, 'red', 'refused')} ${line}\n`);
      });
      if (report.refused.length > 0) process.exitCode = EXIT.refused;
    });
}

function refresh(): Command {
  return serverCommand('refresh', 'fetch what quotes of a machine type need, now', [
    'assay collateral refresh --tee tdx --fmspc 00806f050000',
    'assay collateral refresh --tee sgx --fmspc 00a067110000 --ca processor',
  ])
    .addOption(new Option('--tee <tee>').choices(['tdx', 'sgx']).default('tdx'))
    .requiredOption('--fmspc <hex>', 'machine type: 6 bytes in hex')
    .addOption(
      new Option('--ca <ca>', 'issuer of the PCK certificate').choices(['platform', 'processor']).default('platform'),
    )
    .action(async (flags: ServerCommandFlags & { tee: string; fmspc: string; ca: string }) => {
      const report = (await adminClient(flags).json('POST', '/api/v1/collateral/refresh', {
        tee: flags.tee,
        fmspc: flags.fmspc.toLowerCase(),
        ca: flags.ca,
      })) as { complete: boolean; findings: { title?: string; remedy?: string }[] };
      outputOf(flags).result(report, (out) => {
        out.write(report.complete ? `${styled(out, 'green', 'complete')}\n` : `${styled(out, 'red', 'incomplete')}\n`);
        for (const { title, remedy } of report.findings)
          if (title !== undefined) out.write(`  ${title}\n    do: ${remedy ?? ''}\n`);
      });
      if (!report.complete) process.exitCode = EXIT.unreachable;
    });
}
