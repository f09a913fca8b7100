/** YAML to values by way of JSON: keys become strings, and what JSON cannot say is refused. */
import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import {
  formatNumber,
  isNumber,
  isObject,
  ObjectBuilder,
  objectEntries,
  utf8Decode,
  type Value,
} from '../../../value/index.js';
import { Base64Error, decodeBase64 } from '../../crypto/base64.js';
import { NotJsonError, resolveNumber, resolvePlain } from './resolve.js';

/** The text is no YAML, or YAML that JSON cannot express. The message begins with "yaml: " like Go's. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

const MAX_DEPTH = 500;
/** Nodes one document may expand to; aliases can multiply (a "billion laughs"). */
const MAX_NODES = 1_000_000;

/** Reads the first document; `step` hears of every node. */
export function parseYaml(text: string, step: (n: number) => void): Value {
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    version: '1.1',
    uniqueKeys: false,
    keepSourceTokens: false,
    prettyErrors: true,
    logLevel: 'silent',
  });
  if (!Array.isArray(documents)) return null;
  const document = documents[0];
  if (document === undefined) return null;
  const error = document.errors[0];
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1;
    throw new YamlError(`yaml: line ${line}: ${describe(error.code, error.message)}`);
  }
  if (document.contents === null) return null;
  return new Converter((alias) => alias.resolve(document), step).convert(document.contents as Node, 0);
}

function describe(code: string, message: string): string {
  if (/flow sequence/i.test(message)) return "did not find expected ',' or ']'";
  if (/flow map/i.test(message)) return "did not find expected ',' or '}'";
  if (code === 'TAB_AS_INDENT') return 'found character that cannot start any token';
  if (/closing .*quote/i.test(message)) return 'found unexpected end of stream';
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'IMPOSSIBLE')
    return 'mapping values are not allowed in this context';
  if (code === 'MULTILINE_IMPLICIT_KEY' || code === 'MISSING_CHAR') return "could not find expected ':'";
  return message.split('\n')[0]?.replace(/ at line .*$/, '') ?? 'syntax error';
}

class Converter {
  readonly #resolve: (alias: Alias) => Node | undefined;
  readonly #step: (n: number) => void;
  #nodes = 0;

  constructor(resolve: (alias: Alias) => Node | undefined, step: (n: number) => void) {
    this.#resolve = resolve;
    this.#step = step;
  }

  convert(node: unknown, depth: number): Value {
    this.#step(1);
    if (++this.#nodes > MAX_NODES) throw new YamlError('yaml: document contains excessive aliasing');
    if (depth > MAX_DEPTH) throw new YamlError('yaml: exceeded max depth');
    if (node === null || node === undefined) return null;
    if (isAlias(node)) {
      const target = this.#resolve(node);
      if (target === undefined) throw new YamlError(`yaml: unknown anchor '${node.source}' referenced`);
      return this.convert(target, depth + 1);
    }
    if (isScalar(node)) return scalar(node);
    if (isSeq(node)) return node.items.map((item) => this.convert(item, depth + 1));
    if (isMap(node)) return this.#map(node, depth);
    throw new YamlError('yaml: unsupported node');
  }

  #map(node: YAMLMap, depth: number): Value {
    const own = new ObjectBuilder();
    const merged = new ObjectBuilder();
    for (const pair of node.items) {
      if (!isPair(pair)) throw new YamlError('yaml: unsupported node');
      if (isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<') {
        this.#merge(this.convert(pair.value, depth + 1), merged);
        continue;
      }
      const key = keyText(this.convert(pair.key, depth + 1));
      if (own.has(key)) throw new YamlError(`yaml: unmarshal errors: key "${key}" already set in map`);
      own.set(key, this.convert(pair.value, depth + 1));
    }
    if (merged.size === 0) return own.build();
    // Merged keys yield to the map's own.
    for (const { key, value } of objectEntries(own.build())) merged.set(key, value);
    return merged.build();
  }

  #merge(source: Value, into: ObjectBuilder): void {
    const maps = Array.isArray(source) ? (source as readonly Value[]) : [source];
    for (const map of maps) {
      if (!isObject(map)) throw new YamlError('yaml: map merge requires map or sequence of maps as the value');
      for (const { key, value } of objectEntries(map)) if (!into.has(key)) into.set(key, value);
    }
  }
}

function keyText(key: Value): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  if (isNumber(key)) return formatNumber(key);
  if (key === null) return 'null';
  throw new YamlError('yaml: invalid map key');
}

function scalar(node: Scalar): Value {
  const text = String(node.value ?? '');
  switch (node.tag) {
    case undefined:
      break;
    case '!':
    case 'tag:yaml.org,2002:str':
      return text;
    case 'tag:yaml.org,2002:int':
    case 'tag:yaml.org,2002:float': {
      const number = resolveNumber(text);
      if (number === undefined) throw new YamlError(`yaml: cannot decode !!str \`${text}\` as a ${node.tag.slice(18)}`);
      return number;
    }
    case 'tag:yaml.org,2002:null':
      return null;
    case 'tag:yaml.org,2002:bool': {
      const value = resolvePlain(text);
      if (typeof value !== 'boolean') throw new YamlError(`yaml: cannot decode !!str \`${text}\` as a bool`);
      return value;
    }
    case 'tag:yaml.org,2002:binary':
      try {
        return utf8Decode(decodeBase64(text.replace(/\s+/g, '')));
      } catch (error) {
        if (error instanceof Base64Error) throw new YamlError('yaml: !!binary value contains invalid base64 data');
        throw error;
      }
    default:
  }
  if (!isPlain(node)) return text;
  try {
    return resolvePlain(text);
  } catch (error) {
    if (error instanceof NotJsonError) throw new YamlError(error.message);
    throw error;
  }
}

function isPlain(node: Scalar): boolean {
  return node.type === 'PLAIN' || node.type === undefined;
}
