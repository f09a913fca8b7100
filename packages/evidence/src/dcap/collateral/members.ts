/** Typed members of Intel's JSON documents; every fault says which member it is about. */
import { DecodeError, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';

/** Reads members of one object, which faults name by its way from the document: `tcbLevels[3].tcb`. */
export class Members {
  readonly #object: JsonObject;
  readonly #parent: Members | undefined;
  readonly #name: string;
  readonly #index: number | undefined;

  /** @param parent, name, index where the object stands; nothing for the document */
  constructor(value: JsonValue | undefined, parent?: Members, name = '', index?: number) {
    this.#parent = parent;
    this.#name = name;
    this.#index = index;
    if (!isJsonObject(value)) throw fault(this.#path() || 'the document', 'not an object');
    this.#object = value;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  text(name: string): string {
    const value = this.#value(name);
    if (typeof value !== 'string') throw fault(this.#pathTo(name), 'not a text');
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  integer(name: string, most: number): number {
    const value = this.#value(name);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
      throw fault(this.#pathTo(name), `not an integer of 0 to ${most}`);
    }
    return value;
  }

  /** Hex of either case, compared as bytes. */
  hex(name: string, size: number): Uint8Array {
    const text = this.text(name);
    if (text.length !== 2 * size || !/^[0-9a-fA-F]*$/.test(text)) {
      throw fault(this.#pathTo(name), `not ${size} bytes in hex`);
    }
    return new Uint8Array(Buffer.from(text, 'hex'));
  }

  /** RFC 3339 with Z. */
  time(name: string): Date {
    const text = this.text(name);
    const date = new Date(text);
    const exact = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/.test(text);
    // A day that does not exist, or its hour 24, comes back as another day; all else that does not exist is no date at all.
    if (!exact || date.getUTCDate() !== Number(text.slice(8, 10))) {
      throw fault(this.#pathTo(name), 'not an RFC 3339 time in UTC');
    }
    return date;
  }

  /** One of a set of texts, letter case included. */
  oneOf<T extends string>(name: string, known: readonly T[]): T {
    const text = this.text(name);
    const match = known.find((candidate) => candidate === text);
    if (match === undefined) throw fault(this.#pathTo(name), `"${text.slice(0, 40)}", which is unknown`);
    return match;
  }

  object(name: string): Members {
    return new Members(this.#value(name), this, name);
  }

  list(name: string, least: number, most: number): readonly JsonValue[] {
    const value = this.#value(name);
    if (!isJsonArray(value)) throw fault(this.#pathTo(name), 'not a list');
    if (value.length < least || value.length > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`;
      throw fault(this.#pathTo(name), `${value.length} entries; ${wanted} are right`);
    }
    return value;
  }

  objects(name: string, least: number, most: number): Members[] {
    return this.list(name, least, most).map((value, index) => new Members(value, this, name, index));
  }

  /** A list of texts that may be absent. */
  texts(name: string, most: number): string[] {
    if (!this.has(name)) return [];
    return this.list(name, 0, most).map((value, index) => {
      if (typeof value !== 'string') throw fault(`${this.#pathTo(name)}[${index}]`, 'not a text');
      return value;
    });
  }

  #value(name: string): JsonValue {
    const value = this.has(name) ? this.#object[name] : undefined;
    if (value === undefined) throw fault(this.#pathTo(name), 'absent');
    return value;
  }

  /** Made for faults alone: most members have none. */
  #path(): string {
    const own = this.#index === undefined ? this.#name : `${this.#name}[${this.#index}]`;
    const before = this.#parent === undefined ? '' : this.#parent.#path();
    return before === '' ? own : `${before}.${own}`;
  }

  #pathTo(name: string): string {
    const path = this.#path();
    return path === '' ? name : `${path}.${name}`;
  }
}

function fault(member: string, reason: string): DecodeError {
  return new DecodeError('member', `${member}: ${reason}`);
}
