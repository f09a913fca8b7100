/** Where the keys of a requirement are, and their bytes. */
import { isJsonArray, type JsonObject } from '@assay/bytes';
import { malformed } from './members.js';

export interface KeySource {
  /** A path, `file:///…` or `kbs:///…`; any one of them fits. */
  readonly paths: readonly string[];
  /** Base64, or (from guests' policies) the PEM itself. */
  readonly data: readonly string[];
}

/**
 * Exactly one of `<what>Path`, `<what>Paths`, `<what>Data`, `<what>Datas`.
 *
 * @throws AssayError `signature.policy.form`
 */
export function keySourceOf(entry: JsonObject, what: string, where: string, file: string): KeySource {
  const members = membersOf(what).filter((key) => entry[key] !== undefined);
  const [member] = members;
  if (member === undefined || members.length > 1) {
    throw malformed(file, `${where}: exactly one of ${membersOf(what).join(', ')} is wanted`);
  }
  const value = entry[member];
  const list = value !== undefined && isJsonArray(value) ? value : [value];
  const plural = member.endsWith('s');
  const texts = list.filter((one) => typeof one === 'string' && one !== '');
  if (texts.length === 0 || texts.length !== list.length || plural !== (value !== undefined && isJsonArray(value))) {
    throw malformed(file, `${where}: ${member} is ${plural ? 'no list of texts' : 'no text'}`);
  }
  const given = texts as string[];
  return member.startsWith(`${what}Path`) ? { paths: given, data: [] } : { paths: [], data: given };
}

/** Names of the members that say where keys are. */
export function membersOf(what: string): readonly string[] {
  return ['Path', 'Paths', 'Data', 'Datas'].map((suffix) => `${what}${suffix}`);
}

/** Texts of keys: of paths, what `readKey` gives; of data, the data itself. */
export async function keyTexts(
  { paths, data }: KeySource,
  readKey: (path: string) => Promise<Uint8Array>,
): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const read = async (name: string) => ({ name, text: Buffer.from(await readKey(name)).toString('utf8') });
  return [...(await Promise.all(paths.map(read))), ...data.map((text) => ({ name: 'the policy', text }))];
}
