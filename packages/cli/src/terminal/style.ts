import { inspect, stripVTControlCharacters } from 'node:util';

/** Where a command writes, and what that place can show. */
export interface Terminal {
  /** Characters per line, 60 to 100; 80 when not a terminal. */
  readonly width: number;
  readonly colour: boolean;
  /** Glyphs beyond ASCII can be shown. */
  readonly unicode: boolean;
  write(text: string): void;
}

type Stream = NodeJS.WriteStream | NodeJS.WritableStream;
type Env = Readonly<Record<string, string | undefined>>;

/** What a stream can show: NO_COLOR and FORCE_COLOR are respected, files and pipes get plain text. */
export function terminalOf(stream: Stream, env: Env = process.env): Terminal {
  const tty = 'isTTY' in stream && stream.isTTY === true;
  const columns = tty && 'columns' in stream ? stream.columns : 80;
  return {
    width: Math.min(100, Math.max(60, columns || 80)),
    colour: wantsColour(tty, env),
    unicode: env['TERM'] !== 'dumb' && /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
    write: (text) => void stream.write(text),
  };
}

function wantsColour(tty: boolean, env: Env): boolean {
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0') return true;
  if ((env['NO_COLOR'] ?? '') !== '' || env['FORCE_COLOR'] === '0') return false;
  return tty && env['TERM'] !== 'dumb';
}

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text in a style, where the terminal shows styles. */
export function styled(terminal: Terminal, style: Colour, text: string): string {
  const codes = inspect.colors[style];
  return terminal.colour && codes !== undefined ? `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m` : text;
}

/** Rows in aligned columns; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - visibleLength(cell))))
        .join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Breaks text at spaces so that no line is longer than `width`; a longer word stands alone. */
export function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(indent + line);
  return lines.join('\n');
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
