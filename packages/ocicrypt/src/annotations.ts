/** Annotations of an encrypted layer's descriptor: written for all recipients, opened with whatever keys are at hand. */
import { DecodeError, decodeBase64, encodeBase64 } from '@assay/bytes';
import { AssayError, assayError, inLine } from '@assay/bytes/findings';
import type { EncryptedLayer } from './layer/encrypt.js';
import {
  type PrivateOptions,
  type PublicOptions,
  readPrivateOptions,
  readPublicOptions,
  unusable,
  writePrivateOptions,
  writePublicOptions,
} from './layer/options.js';
import type { KeyUnwrapper, KeyWrapper, OpenedWith } from './wrap/wrapper.js';
import { KEY_ANNOTATION } from './wrap/wrapper.js';

export type Annotations = { readonly [name: string]: string };

export const ENCRYPTION_PREFIX = 'org.opencontainers.image.enc.';
export const PUBLIC_OPTIONS = `${ENCRYPTION_PREFIX}pubopts`;

/** Entries of one annotation that are tried. */
const MOST_ENTRIES = 64;

/** The annotations of a layer that has been encrypted; those that its descriptor had stay. @param wrappers one for each scheme */
export async function encryptionAnnotations(
  layer: EncryptedLayer,
  wrappers: readonly KeyWrapper[],
  existing: Annotations = {},
): Promise<Annotations> {
  if (wrappers.length === 0) throw new RangeError('no recipient: nobody could decrypt the layer');
  const options = writePrivateOptions(layer.privateOptions);
  return {
    ...(await addRecipients(existing, options, wrappers)),
    [PUBLIC_OPTIONS]: encodeBase64(writePublicOptions(layer.publicOptions)),
  };
}

/** Wraps the options for further recipients: ciphertext and public options stay as they are. @param options as {@link openLayer} gave them */
export async function addRecipients(
  annotations: Annotations,
  options: Uint8Array,
  wrappers: readonly KeyWrapper[],
): Promise<Annotations> {
  const result: Record<string, string> = { ...annotations };
  for (const wrapper of wrappers) {
    const entry = encodeBase64(await wrapper.wrap(options));
    const before = result[wrapper.annotation];
    result[wrapper.annotation] = before === undefined || before === '' ? entry : `${before},${entry}`;
  }
  return result;
}

/** Annotations without everything that is about encryption: those of the decrypted layer. */
export function plainAnnotations(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !name.startsWith(ENCRYPTION_PREFIX)));
}

export interface OpenedLayer {
  readonly publicOptions: PublicOptions;
  readonly privateOptions: PrivateOptions;
  /** The private options as they were wrapped, for further recipients. */
  readonly wrapped: Uint8Array;
  readonly with: OpenedWith;
}

/**
 * Opens the options of a layer: every entry of every scheme is tried, and only when nothing opened is it an error.
 *
 * @param layer name of the layer, for errors
 * @throws AssayError `image.layer.cipher`, `image.key.found`
 */
export async function openLayer(
  annotations: Annotations,
  unwrappers: readonly KeyUnwrapper[],
  layer: string,
): Promise<OpenedLayer> {
  const publicText = annotations[PUBLIC_OPTIONS];
  const publicBytes = publicText === undefined ? undefined : fromBase64(publicText);
  if (publicBytes === undefined) throw unusable(layer, 'no public options in its descriptor');
  const publicOptions = readPublicOptions(publicBytes, layer);
  const reasons: string[] = [];
  const answers = new Set<string>();
  let unusableOptions: AssayError | undefined;
  for (const { annotation, entry } of entriesOf(annotations)) {
    for (const unwrapper of unwrappers.filter((one) => one.reads(annotation))) {
      const result =
        entry === undefined ? { reason: 'an entry that is no base64' } : await unwrapper.unwrap(entry, annotation);
      if (result.options === undefined) {
        reasons.push(result.reason);
        if (unwrapper.scheme === 'provider') answers.add(inLine(result.reason));
        continue;
      }
      try {
        const privateOptions = readPrivateOptions(result.options, layer);
        return { publicOptions, privateOptions, wrapped: result.options, with: result.with };
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        // A wrapping without integrity (A256CTR) opens with every key: the next entry may be the one.
        unusableOptions ??= error;
      }
    }
  }
  if (unusableOptions !== undefined) throw unusableOptions;
  const keys = unwrappers.reduce((sum, unwrapper) => sum + unwrapper.keys, 0);
  const recipients = recipientsOf(annotations);
  throw assayError('image.key.found', {
    params: { layer, n: keys, recipients },
    subject: layer,
    expected: recipients,
    actual: reasons,
    // Keys at hand are just others; a provider knows why it refused, and who runs it sees more.
    ...(answers.size === 0
      ? {}
      : { remedy: `See why where the provider runs: ${[...answers].slice(0, 4).join('; ')}.` }),
  });
}

/** Schemes that a layer is encrypted for, for people: `jwe`, `provider attestation-agent`. */
export function recipientsOf(annotations: Annotations): string {
  const names = entriesOf(annotations).map(({ annotation }) => {
    const name = annotation.slice(`${ENCRYPTION_PREFIX}keys.`.length);
    return name.startsWith('provider.') ? `provider ${name.slice('provider.'.length)}` : name;
  });
  return names.length === 0 ? 'nobody' : [...new Set(names)].join(', ');
}

function entriesOf(
  annotations: Annotations,
): { readonly annotation: string; readonly entry: Uint8Array | undefined }[] {
  const known = Object.values(KEY_ANNOTATION);
  return Object.entries(annotations)
    .filter(([name]) => known.some((prefix) => name === prefix || (prefix.endsWith('.') && name.startsWith(prefix))))
    .flatMap(([annotation, value]) =>
      value
        .split(',')
        .slice(0, MOST_ENTRIES)
        .map((text) => ({ annotation, entry: fromBase64(text) })),
    );
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
