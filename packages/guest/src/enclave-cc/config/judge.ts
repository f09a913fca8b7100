import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, nearestName, passed, warned } from '@assay/bytes/findings';

const SOURCE = 'enclave-cc 0.9';

/** Collects what is to be said of one file. Values are named in findings: these files hold no secrets. */
export class Judge {
  readonly findings: FindingDraft[] = [];
  readonly #file: string;
  /** Without its folder: titles are one line. */
  readonly #name: string;

  constructor(file: string) {
    this.#file = file;
    this.#name = file.slice(file.lastIndexOf('/') + 1) || file;
  }

  get refused(): boolean {
    return this.findings.some(({ outcome }) => outcome === 'fail');
  }

  good(key: string, actual?: string): void {
    this.findings.push(passed('enclave-cc.config.value', this.#subject(key), actual));
  }

  malformed(what: string): void {
    const params = { file: this.#name, what };
    this.findings.push(failed('enclave-cc.config.form', { params, subject: this.#file, source: SOURCE, actual: what }));
  }

  missing(key: string, expected: string, remedy = `Add ${key} to ${this.#file}: ${expected}.`): void {
    const params = { key, file: this.#name };
    const facts = { subject: this.#subject(key), expected, actual: null, source: SOURCE, remedy };
    this.findings.push(failed('enclave-cc.config.present', { params, ...facts }));
  }

  wrong(
    key: string,
    actual: JsonValue,
    expected: string,
    remedy = `Set ${key} in ${this.#file} to ${expected}.`,
  ): void {
    const params = { key, file: this.#name, actual: shown(actual) };
    const facts = { subject: this.#subject(key), expected, actual: shown(actual), source: SOURCE, remedy };
    this.findings.push(failed('enclave-cc.config.value', { params, ...facts }));
  }

  doubtful(key: string, actual: JsonValue, expected: string, remedy: string): void {
    const params = { key, file: this.#name, actual: shown(actual) };
    const facts = { subject: this.#subject(key), expected, actual: shown(actual), source: SOURCE, remedy };
    this.findings.push(warned('enclave-cc.config.value', { params, ...facts }));
  }

  /** Something that the host may change decides what is trusted. */
  trusting(key: string, what: string, remedy: string): void {
    const params = { key, file: this.#name, what };
    this.findings.push(
      warned('enclave-cc.config.trust', { params, subject: this.#subject(key), source: SOURCE, remedy }),
    );
  }

  debuggable(): void {
    const params = { file: this.#name };
    const facts = { subject: this.#subject('metadata.debuggable'), expected: false, actual: true, source: SOURCE };
    this.findings.push(failed('enclave-cc.enclave.debug', { params, ...facts }));
  }

  /** Warns of keys that are not known. @param where table, with its dot */
  known(table: JsonObject, keys: readonly string[], where = ''): void {
    for (const name of Object.keys(table)) {
      if (keys.includes(name)) continue;
      const near = nearestName(name, keys);
      const key = `${where}${name}`;
      const remedy =
        near === undefined
          ? `Remove ${key} from ${this.#file}; known are ${keys.join(', ')}.`
          : `Write ${where}${near} in ${this.#file}, if that is meant.`;
      const facts = { subject: this.#subject(key), source: SOURCE, remedy, actual: name };
      this.findings.push(warned('enclave-cc.config.key', { params: { key, file: this.#name }, ...facts }));
    }
  }

  /** A text that must be there and fit; undefined after saying why not. */
  text(table: JsonObject, name: string, rule: TextRule, where = ''): string | undefined {
    const key = `${where}${name}`;
    const value = member(table, name);
    if (value === undefined) {
      this.missing(key, rule.expected);
      return undefined;
    }
    if (typeof value !== 'string' || !rule.fits(value)) {
      this.wrong(key, value, rule.expected);
      return undefined;
    }
    this.good(key, value);
    return value;
  }

  /** A table that must be there. */
  table(parent: JsonObject, name: string, where = ''): JsonObject | undefined {
    const value = member(parent, name);
    if (value !== undefined && isJsonObject(value)) return value;
    if (value === undefined) this.missing(`${where}${name}`, 'a table');
    else this.wrong(`${where}${name}`, value, 'a table');
    return undefined;
  }

  #subject(key: string): string {
    return `${this.#file} ${key}`;
  }
}

export interface TextRule {
  readonly fits: (text: string) => boolean;
  /** What is due, for the finding and its remedy. */
  readonly expected: string;
}

export const ABSOLUTE_PATH: TextRule = {
  fits: (text) => text.startsWith('/') && !text.includes('\0'),
  expected: 'an absolute path',
};

/** Paths that stand among the options of an overlay mount, where `,` and `:` part them. */
export const OVERLAY_PATH: TextRule = {
  fits: (text) => ABSOLUTE_PATH.fits(text) && !/[,:\\]/.test(text),
  expected: 'an absolute path without , : and \\',
};

/** An own member; `null` is one that is not there. */
export function member(table: JsonObject, name: string): JsonValue | undefined {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  return value === null ? undefined : value;
}

function shown(value: JsonValue): string {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
