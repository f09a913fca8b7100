import type { System } from './system.js';

const REPORTS = 'sys/kernel/config/tsm/report/';

export interface FakeTsm {
  /** `tdx_guest` … */
  readonly provider: string;
  readonly report: (inblob: Uint8Array) => Uint8Array;
  readonly certificates?: Uint8Array;
  /** Another writer touches each request. */
  readonly disturbed?: boolean;
}

/** A guest's pseudo-files in memory, with a configfs-tsm that makes its attributes and counts writes, as the kernel does. */
export class FakeSystem implements System {
  readonly files = new Map<string, Uint8Array>();
  readonly folders = new Set<string>();
  /** What a write does beside being kept. */
  onWrite: ((path: string, bytes: Uint8Array) => void) | undefined;
  readonly #tsm: FakeTsm | undefined;

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}, tsm?: FakeTsm) {
    for (const [path, content] of Object.entries(files)) this.files.set(path, Buffer.from(content));
    this.#tsm = tsm;
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path.replace(/^\//, ''));
    if (bytes === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return bytes;
  }

  async exists(path: string): Promise<boolean> {
    return this.files.has(path) || this.folders.has(path);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    if (!this.files.has(path)) throw Object.assign(new Error(path), { code: 'ENOENT' });
    this.files.set(path, bytes);
    this.onWrite?.(path, bytes);
    const entry = path.replace(/\/inblob$/, '');
    if (this.#tsm === undefined || entry === path) return;
    const writes = Number(Buffer.from(await this.read(`${entry}/generation`)).toString());
    this.files.set(`${entry}/generation`, Buffer.from(`${writes + (this.#tsm.disturbed === true ? 2 : 1)}\n`));
    this.files.set(`${entry}/outblob`, this.#tsm.report(bytes));
    this.files.set(`${entry}/auxblob`, this.#tsm.certificates ?? new Uint8Array());
  }

  async makeFolder(path: string): Promise<void> {
    if (this.#tsm === undefined || !path.startsWith(REPORTS)) throw Object.assign(new Error(path), { code: 'ENOENT' });
    this.folders.add(path);
    this.files.set(`${path}/provider`, Buffer.from(`${this.#tsm.provider}\n`));
    this.files.set(`${path}/generation`, Buffer.from('0\n'));
    this.files.set(`${path}/inblob`, new Uint8Array());
  }

  async removeFolder(path: string): Promise<void> {
    this.folders.delete(path);
    for (const name of [...this.files.keys()]) if (name.startsWith(`${path}/`)) this.files.delete(name);
  }
}
