import { cpus, release, totalmem } from 'node:os';

/** Result of one benchmark. Every ratio is against a baseline of the same run, named in its key. */
export interface Report {
  readonly name: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly ratios: Readonly<Record<string, number>>;
}

/** The machine that figures come from. */
export function machine(): Report['machine'] {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

export function renderReport(report: Report): string {
  const rows = (entries: Readonly<Record<string, number>>): string =>
    Object.entries(entries)
      .map(([key, value]) => `  ${key.padEnd(44)} ${number(value).padStart(12)}\n`)
      .join('');
  const { node, cpu, cores } = report.machine;
  return `${report.name}  (${node}, ${cpu}, ${cores} cores)\n${rows(report.metrics)}${rows(report.ratios)}`;
}

/** Value below which `share` of the sorted samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
