/** How expected and actual values stand on a terminal: short, typed, one per line. */
import type { Comparison, FindingData, Operand } from '../model.js';
import { cut, shortened, visible } from '../text.js';

/** Alternatives shown before "and n more". */
const MOST_VALUES = 4;

/** Lines of a value: one per alternative, short unless `full`. */
export function valueLines(value: FindingData, full: boolean): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['none'];
    const shown = full ? value : value.slice(0, MOST_VALUES);
    const lines = shown.map((item: FindingData) => valueText(item, full));
    return value.length > shown.length ? [...lines, `and ${value.length - shown.length} more`] : lines;
  }
  return [valueText(value, full)];
}

/** A value on one line. */
export function valueText(value: FindingData, full: boolean): string {
  if (value === null) return 'nothing';
  if (typeof value === 'string') return full ? visible(value) : shortened(value);
  const text = visible(JSON.stringify(value));
  return full ? text : cut(text, 120);
}

/** `96 characters, hex, 48 bytes`: what is known of an operand's form. */
export function operandNote(operand: Operand | undefined): string | undefined {
  if (operand?.encoding === undefined) return undefined;
  const characters = typeof operand.value === 'string' ? [`${Array.from(operand.value).length} characters`] : [];
  return [...characters, operand.encoding, ...(operand.length === undefined ? [] : [`${operand.length} bytes`])].join(
    ', ',
  );
}

/** Rows of a shortfall as a table with its heading. */
export function shortfallTable(compare: Comparison): string[] {
  const rows = compare.rows ?? [];
  if (rows.length === 0) return [];
  const text = (value: FindingData): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const table = [
    ['component', 'has', 'wants', 'updated by'],
    ...rows.map((row) => [
      row.label === undefined ? row.component : `${row.component} ${row.label}`,
      text(row.has),
      text(row.wants),
      row.updated_by ?? '',
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 1 || column === 2 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
