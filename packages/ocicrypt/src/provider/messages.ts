/** JSON of the key provider protocol (`keyprovider.KeyProviderService`, or a program's standard input and output). */
import {
  DecodeError,
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';

const LARGEST_MESSAGE = 4 * 1024 * 1024;

/** Values of a provider's parameters as the command line gave them, by the provider's name. */
export type ProviderParameters = { readonly [provider: string]: readonly string[] };

/** What a provider is asked. */
export type ProviderRequest =
  | { readonly op: 'keywrap'; readonly parameters: ProviderParameters; readonly options: Uint8Array }
  | { readonly op: 'keyunwrap'; readonly parameters: ProviderParameters; readonly annotation: Uint8Array };

/**
 * Reads a request of any client: absent members and null are the same, and ocicrypt-rs sends the options of a wrap request as plain JSON
 * text instead of base64.
 *
 * @throws AssayError `image.provider.form`
 */
export function readProviderRequest(bytes: Uint8Array): ProviderRequest {
  const message = readObject(bytes);
  const { op } = message;
  if (op === 'keywrap') {
    const params = objectOf(message['keywrapparams'], 'keywrapparams');
    const parameters = parametersOf(objectOf(params['ec'], 'keywrapparams.ec'), 'keywrapparams.ec');
    return { op, parameters, options: optionsOf(params['optsdata']) };
  }
  if (op === 'keyunwrap') {
    const params = objectOf(message['keyunwrapparams'], 'keyunwrapparams');
    const dc = params['dc'];
    const parameters = isNothing(dc) ? {} : parametersOf(objectOf(dc, 'keyunwrapparams.dc'), 'keyunwrapparams.dc');
    return { op, parameters, annotation: bytesOf(params['annotation'], 'keyunwrapparams.annotation') };
  }
  throw malformed('`op` is neither `keywrap` nor `keyunwrap`');
}

/** A request in the form of containers/ocicrypt. */
export function writeProviderRequest(request: ProviderRequest): Uint8Array {
  const parameters = {
    Parameters: Object.fromEntries(
      Object.entries(request.parameters).map(([name, values]) => [
        name,
        values.map((value) => encodeBase64(encodeUtf8(value))),
      ]),
    ),
  };
  const wrap = request.op === 'keywrap';
  return encodeUtf8(
    JSON.stringify({
      op: request.op,
      keywrapparams: wrap
        ? { ec: { ...parameters, DecryptConfig: { Parameters: {} } }, optsdata: encodeBase64(request.options) }
        : { ec: null, optsdata: null },
      keyunwrapparams: wrap
        ? { dc: null, annotation: null }
        : { dc: parameters, annotation: encodeBase64(request.annotation) },
    }),
  );
}

/** Answers hold arrays of numbers: Go takes them as well as base64, Rust takes nothing else. */
export function writeWrapAnswer(annotation: Uint8Array): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ keywrapresults: { annotation: [...annotation] }, keyunwrapresults: { optsdata: [] } }),
  );
}

export function writeUnwrapAnswer(options: Uint8Array): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ keywrapresults: { annotation: [] }, keyunwrapresults: { optsdata: [...options] } }),
  );
}

/** The annotation of an answer to `keywrap`. @throws AssayError `image.provider.form` */
export function readWrapAnswer(bytes: Uint8Array): Uint8Array {
  const results = objectOf(readObject(bytes)['keywrapresults'], 'keywrapresults');
  return filled(bytesOf(results['annotation'], 'keywrapresults.annotation'), 'keywrapresults.annotation');
}

/** The options of an answer to `keyunwrap`. @throws AssayError `image.provider.form`, whose text holds nothing of them */
export function readUnwrapAnswer(bytes: Uint8Array): Uint8Array {
  const results = objectOf(readObject(bytes)['keyunwrapresults'], 'keyunwrapresults');
  return filled(bytesOf(results['optsdata'], 'keyunwrapresults.optsdata'), 'keyunwrapresults.optsdata');
}

function readObject(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_MESSAGE });
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw malformed('the message is no JSON object');
}

function parametersOf(config: JsonObject, path: string): ProviderParameters {
  const all = config['Parameters'];
  if (isNothing(all)) return {};
  return Object.fromEntries(
    Object.entries(objectOf(all, `${path}.Parameters`)).map(([name, values]) => {
      const where = `${path}.Parameters`;
      if (values === undefined || !isJsonArray(values)) throw malformed(`${where}: a value is no array`);
      return [name, values.map((value) => decodeUtf8Text(bytesOf(value, where), where))];
    }),
  );
}

function decodeUtf8Text(bytes: Uint8Array, path: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`${path}: a value is not UTF-8`);
    throw error;
  }
}

function optionsOf(value: JsonValue | undefined): Uint8Array {
  if (typeof value === 'string' && value.startsWith('{')) return encodeUtf8(value);
  return filled(bytesOf(value, 'keywrapparams.optsdata'), 'keywrapparams.optsdata');
}

/** Base64, or an array of numbers. */
function bytesOf(value: JsonValue | undefined, path: string): Uint8Array {
  try {
    if (typeof value === 'string') return decodeBase64(value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  if (value !== undefined && isJsonArray(value) && value.every(isByte)) return Uint8Array.from(value);
  throw malformed(`\`${path}\` is neither base64 nor an array of bytes`);
}

function isByte(value: JsonValue): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

function filled(bytes: Uint8Array, path: string): Uint8Array {
  if (bytes.length === 0) throw malformed(`\`${path}\` is empty`);
  return bytes;
}

function objectOf(value: JsonValue | undefined, path: string): JsonObject {
  if (value !== undefined && isJsonObject(value)) return value;
  throw malformed(`\`${path}\` is no object`);
}

function isNothing(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null;
}

export function malformed(what: string): AssayError {
  return assayError('image.provider.form', { params: { what } });
}
