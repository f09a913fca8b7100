/** Values as YAML in the block style of go-yaml: keys sorted, lists not indented below their key. */
import {
  formatNumber,
  isArray,
  isNumber,
  isObject,
  objectEntries,
  objectSize,
  print,
  RegoSet,
  TextSink,
  type Value,
  wellFormed,
} from '../../../value/index.js';
import { NotJsonError, resolvePlain } from './resolve.js';

export function formatYaml(value: Value): string {
  const sink = new TextSink();
  write(value, 0, sink, 'line');
  return sink.toString();
}

/** Where a node begins: on a line of its own, behind `key:` or behind `- `. */
type Place = 'line' | 'value' | 'item';

function write(value: Value, indent: number, sink: TextSink, place: Place): void {
  const items = isArray(value) ? value : value instanceof RegoSet ? value.values() : undefined;
  if (items !== undefined) {
    if (items.length === 0) inline('[]', sink, place);
    else writeList(items, indent, sink, place);
  } else if (isObject(value)) {
    if (objectSize(value) === 0) inline('{}', sink, place);
    else writeMap(value, indent, sink, place);
  } else {
    inline(scalarText(value, indent), sink, place);
  }
}

function inline(text: string, sink: TextSink, place: Place): void {
  sink.push(place === 'value' ? ` ${text}\n` : `${text}\n`);
}

function writeList(items: readonly Value[], indent: number, sink: TextSink, place: Place): void {
  if (place === 'value') sink.push('\n');
  items.forEach((item, i) => {
    sink.push(place === 'item' && i === 0 ? '- ' : `${' '.repeat(indent)}- `);
    write(item, indent + 2, sink, 'item');
  });
}

function writeMap(value: Parameters<typeof objectEntries>[0], indent: number, sink: TextSink, place: Place): void {
  if (place === 'value') sink.push('\n');
  objectEntries(value).forEach(({ key, value: member }, i) => {
    const name = quotedText(wellFormed(typeof key === 'string' ? key : print(key)));
    sink.push(`${place === 'item' && i === 0 ? '' : ' '.repeat(indent)}${name}:`);
    // A list below a key stays at the key's column, a map goes two further.
    const isList = isArray(member) || member instanceof RegoSet;
    write(member, isList ? indent : indent + 2, sink, 'value');
  });
}

function scalarText(value: Value, indent: number): string {
  if (typeof value !== 'string') return isNumber(value) ? formatNumber(value) : String(value);
  const text = wellFormed(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: only printable text may stand in a literal block
  if (/\n/.test(text) && /^[^\s][^\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff]*$/.test(text) && !/ \n/.test(text)) {
    return literalBlock(text, indent);
  }
  return quotedText(text);
}

/** Plain where that is safe, else quoted; always on one line. */
function quotedText(text: string): string {
  if (isSafePlain(text)) return text;
  if (
    !resolvesToString(text) ||
    /[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(text)
  ) {
    return JSON.stringify(text);
  }
  return `'${text.replaceAll("'", "''")}'`;
}

function literalBlock(text: string, indent: number): string {
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  const chomp = !text.endsWith('\n') ? '-' : text.endsWith('\n\n') ? '+' : '';
  const pad = ' '.repeat(Math.max(2, indent));
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line));
  return `|${chomp}\n${lines.join('\n')}`;
}

function resolvesToString(text: string): boolean {
  try {
    return typeof resolvePlain(text) === 'string' && text !== '<<';
  } catch (error) {
    if (error instanceof NotJsonError) return false;
    throw error;
  }
}

/** Whether a text can stand without quotes and will be read back as itself. */
function isSafePlain(text: string): boolean {
  return (
    resolvesToString(text) &&
    !/^[\s\-?:,[\]{}#&*!|>'"%@`=]/.test(text) &&
    !/^(?:---|\.\.\.)/.test(text) &&
    !/: |:$| #|\s$/.test(text) &&
    !/^\d{4}-\d\d?-\d\d?/.test(text) &&
    !/^[\d_]+(?::[\d_]+)+/.test(text) &&
    /^[\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)
  );
}
