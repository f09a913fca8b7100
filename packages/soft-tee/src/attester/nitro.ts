import { createHash } from 'node:crypto';
import { encodeBase64, type JsonObject } from '@assay/bytes';
import { type CborInput, type Sign1Signing, writeMap, writeSign1 } from '../cose/cose.js';
import { EMULATED_MODULE, type NitroOrders } from '../nitro/pki.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary enclave. */
export interface NitroOverrides {
  /** Members of the payload instead of the ordinary ones; undefined leaves a member out. */
  readonly members?: { readonly [member: string]: CborInput | undefined };
  /** PCRs instead of the ordinary ones, by index. */
  readonly pcrs?: { readonly [index: number]: CborInput };
  /** Member that carries the report data; default `user_data`. */
  readonly reportData?: 'user_data' | 'nonce';
  readonly orders?: NitroOrders;
  readonly signing?: Partial<Sign1Signing>;
  /** The payload map is of indefinite length, as in documents of today. Default true. */
  readonly indefinite?: boolean;
  /** Changes the finished document. */
  readonly alter?: (document: Uint8Array) => Uint8Array;
}

const ZERO = new Uint8Array(48);
const measured = (what: string): Uint8Array =>
  Uint8Array.from(createHash('sha384').update(`Assay emulated enclave: ${what}`).digest());
const PCRS: readonly Uint8Array[] = ['image', 'kernel and boot', 'application', 'role', 'instance']
  .map(measured)
  .concat(Array.from({ length: 11 }, () => ZERO));

/** A document of an emulated enclave. `reportData` is what it binds. */
export function nitroDocument(world: TestWorld, reportData: Uint8Array, overrides: NitroOverrides = {}): Uint8Array {
  const { pki } = world.nitro;
  const now = world.now();
  const { authorities, leaf } = pki.chain(now, overrides.orders);
  const field = overrides.reportData ?? 'user_data';
  const members: { readonly [member: string]: CborInput | undefined } = {
    module_id: EMULATED_MODULE,
    digest: 'SHA384',
    timestamp: now.getTime(),
    pcrs: new Map(PCRS.map((value, index): [number, CborInput] => [index, overrides.pcrs?.[index] ?? value])),
    certificate: leaf.der,
    cabundle: authorities.map(({ der }) => der),
    public_key: null,
    user_data: null,
    nonce: null,
    [field]: reportData,
    ...overrides.members,
  };
  const present = Object.entries(members).flatMap(([member, value]): [string, CborInput][] =>
    value === undefined ? [] : [[member, value]],
  );
  const payload = writeMap(new Map(present), overrides.indefinite ?? true);
  const document = writeSign1(payload, { key: pki.key('leaf'), tagged: false, ...overrides.signing });
  return overrides.alter?.(document) ?? document;
}

/** Evidence in the form of the verifier `nitro`. */
export function nitroEvidence(world: TestWorld, reportData: Uint8Array, overrides: NitroOverrides = {}): JsonObject {
  return { document: encodeBase64(nitroDocument(world, reportData, overrides)) };
}
