/** Tables of what falls short, in the vendor's words. */
import type { ShortfallRow } from '@assay/bytes/findings';
import type { ComponentLabel, TcbInfo, TcbLevel } from '../collateral/tcb-info.js';
import type { PckPlatform } from '../pck/extension.js';
import { firstTdxComponent } from './match.js';

/** What components are where the document does not say. */
const SGX_LABELS: Readonly<Record<number, string>> = { 0: 'microcode', 7: 'SEAM loader' };
const TDX_LABELS: Readonly<Record<number, string>> = { 0: 'TDX module', 1: 'TDX module', 2: 'microcode' };

/** The highest level that is UpToDate: what an update must reach. */
export function wantedLevel(info: TcbInfo): TcbLevel | undefined {
  return info.levels.find(({ status }) => status === 'UpToDate');
}

/** Components of the platform below a level's; empty when it is reached. */
export function shortfall(
  level: TcbLevel,
  platform: PckPlatform,
  teeTcbSvn: Uint8Array | undefined,
): readonly ShortfallRow[] {
  const rows: ShortfallRow[] = [];
  platform.components.forEach((has, index) => {
    const wants = level.sgx[index] ?? 0;
    if (has < wants) rows.push(row(`sgx[${index}]`, level.sgxLabels[index], SGX_LABELS[index], has, wants));
  });
  if (platform.pceSvn < level.pceSvn) {
    rows.push({
      component: 'pcesvn',
      label: 'PCE',
      has: platform.pceSvn,
      wants: level.pceSvn,
      updated_by: 'BIOS or OS package',
    });
  }
  if (teeTcbSvn === undefined || level.tdx === undefined) return rows;
  for (let index = firstTdxComponent(teeTcbSvn); index < 16; index += 1) {
    const [has, wants] = [teeTcbSvn[index] ?? 0, level.tdx[index] ?? 0];
    if (has < wants) rows.push(row(`tdx[${index}]`, level.tdxLabels[index], TDX_LABELS[index], has, wants));
  }
  return rows;
}

/** What a component is, by the words in its label, for a remedy. */
const PARTS: readonly (readonly [words: RegExp, part: string])[] = [
  [/microcode/i, 'microcode'],
  [/tdx module/i, 'the TDX module'],
  [/seam/i, 'the SEAM loader'],
  [/pce/i, 'the PCE'],
];

/** `BIOS`, `microcode`, `the TDX module`: what an update must bring, each once. */
export function partsToUpdate(rows: readonly ShortfallRow[]): string[] {
  const bios = rows.some(({ updated_by }) => updated_by?.includes('BIOS') === true) ? ['BIOS'] : [];
  const parts = rows.map(
    ({ component, label }) => PARTS.find(([words]) => words.test(label ?? ''))?.[1] ?? label ?? component,
  );
  return [...new Set([...bios, ...parts])];
}

function row(
  component: string,
  label: ComponentLabel | undefined,
  fallback: string | undefined,
  has: number,
  wants: number,
): ShortfallRow {
  const text = label?.type ?? fallback;
  return {
    component,
    ...(text === undefined ? {} : { label: text }),
    has,
    wants,
    ...(label?.category === undefined ? {} : { updated_by: label.category }),
  };
}
