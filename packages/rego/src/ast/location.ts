/**
 * Where a node stands in its source.
 *
 * `offset` and `end` are UTF-16 indices into the module text (`text.slice(offset, end)` is the node's source); `row` and
 * `col` count from 1, `col` in code points, as OPA reports them.
 */
export interface Location {
  readonly file: string;
  readonly row: number;
  readonly col: number;
  readonly offset: number;
  readonly end: number;
}

/** The place of nodes that no source text stands for (made by a rewrite or by the host). */
export const noLocation: Location = Object.freeze({ file: '', row: 0, col: 0, offset: 0, end: 0 });

/** `file:row`, or only the row where the file has no name: the prefix of OPA's messages. */
export function formatLocation(loc: Location): string {
  return loc.file === '' ? `${loc.row}` : `${loc.file}:${loc.row}`;
}
