/** Names and literals as text. */
import { baseKeywords, futureKeywords } from '../parser/tokens.js';

const reserved: ReadonlySet<string> = new Set([...baseKeywords, ...futureKeywords]);
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
  return text.replace(/["\\\u0000-\u001f\ufeff]/g, (c) => {
    return short[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export function quote(text: string): string {
  return `"${escapeText(text)}"`;
}

/** Literal text of a template string: braces would open a hole. */
export function templateText(text: string, raw: boolean): string {
  return (raw ? text : escapeText(text)).replaceAll('{', '\\{');
}

/** `.name`, or `["any text"]` for what is no plain name; keywords are quoted for engines without keyword references. */
export function pathPart(text: string): string {
  return isName(text) && !reserved.has(text) ? `.${text}` : `[${quote(text)}]`;
}

/** A package or import path. */
export function pathText(path: readonly string[]): string {
  const [first = '', ...rest] = path;
  if (first === 'future' || first === 'rego') return path.join('.');
  return first + rest.map(pathPart).join('');
}
