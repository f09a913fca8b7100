/** Wraps the options of image layers for key broker clients, and unwraps them for builders who keep their keys in a folder. */
import { randomUUID } from 'node:crypto';
import {
  openPacket,
  type ProviderRequest,
  readPacket,
  readProviderRequest,
  sealPacket,
  writePacket,
  writeUnwrapAnswer,
  writeWrapAnswer,
} from '@assay/ocicrypt';
import { formatResourceUri, parseResourceUri, type ResourceUri } from '@assay/protocol';
import { STATUS, StatusError } from '@assay/ttrpc';
import { type KeyFolder, readKey } from './key-folder.js';
import { invalid, parseKeyId, parseParameters } from './parameters.js';
import type { Registrar } from './registrar.js';

export interface KeyProviderOptions {
  readonly packet: 'coco' | 'eaa';
  readonly allowSample: boolean;
  /** Puts a key over one that the broker has already. */
  readonly replace: boolean;
  /** Opens packets with the keys of the folder. Whoever reaches the service can then read the images. */
  readonly unwrap: boolean;
  readonly keys?: KeyFolder;
  readonly registrar?: Registrar;
  readonly random: (bytes: number) => Uint8Array;
  readonly onWrap?: (kid: string) => void;
}

/** Name under which `coco_keyprovider` finds its parameters; others do where nothing stands beside them. */
const PROVIDER = 'attestation-agent';
/** Published with Confidential Containers: it protects nothing. */
const SAMPLE_KEY = Buffer.from('d99b7705b0ba7a168295b3a3367270b0dd9b371bf514ca8b9ba7f0a33711daea', 'hex');
const SAMPLE_ID = parseResourceUri('kbs:///default/test-key/1');
const MADE_UP = 'kbs:///default/image-kek/';
const PLAIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;

interface Key {
  readonly uri: ResourceUri;
  readonly kek: Uint8Array;
  /** Known to be this provider's own: it is put into the broker again without asking. */
  readonly own: boolean;
}

export class KeyProvider {
  readonly #options: KeyProviderOptions;
  /** Keys that this process has registered or made, by URI: the layers of an image share theirs. */
  readonly #used = new Map<string, Uint8Array>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KeyProviderOptions) {
    this.#options = options;
  }

  /** JSON in, JSON out. Requests are answered one after the other: layers that name the same new key must get the same one. */
  wrap(request: Uint8Array): Promise<Uint8Array> {
    const answer = this.#last.then(() => this.#wrap(readProviderRequest(request)));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** JSON in, JSON out. @throws StatusError `UNIMPLEMENTED` without keys to unwrap with, as upstream's provider */
  async unwrap(request: Uint8Array): Promise<Uint8Array> {
    const { keys, unwrap, allowSample } = this.#options;
    if (!unwrap || keys === undefined) {
      throw new StatusError(STATUS.unimplemented, 'UnWrapKey is not served here: guests unwrap by their key broker');
    }
    const asked = readProviderRequest(request);
    if (asked.op !== 'keyunwrap') throw invalid('the request is none to unwrap');
    const packet = readPacket(asked.annotation);
    const uri = packet.form === 'eaa' ? eaaKeyId(packet.kid) : parseKeyId(packet.kid);
    const sample = allowSample && sameUri(uri, SAMPLE_ID);
    const kek = sample ? SAMPLE_KEY : keys.find(uri);
    if (kek === undefined) throw new StatusError(STATUS.notFound, `no key ${formatResourceUri(uri)} is kept here`);
    return writeUnwrapAnswer(openPacket(packet, kek));
  }

  async #wrap(request: ProviderRequest): Promise<Uint8Array> {
    if (request.op !== 'keywrap') throw invalid('the request is none to wrap');
    const { packet: form, random, onWrap } = this.#options;
    const text = onlyParameter(request);
    const eaaName = form === 'eaa' ? eaaNameOf(text) : undefined;
    const { sample, keyId, keyPath, wrapType } = parseParameters(eaaName === undefined ? text : '');
    if (sample && !this.#options.allowSample) {
      throw new StatusError(STATUS.permissionDenied, 'the sample key is public, and is not used here');
    }
    const uri = sample ? SAMPLE_ID : eaaName === undefined ? (keyId ?? madeUp()) : eaaKeyId(eaaName);
    if (form === 'eaa' && keyId !== undefined) throw invalid('packets of EAA name keys by a plain name, not by keyid');
    const kek = sample ? SAMPLE_KEY : await this.#registered(this.#keyFor(uri, keyPath));
    const kid = form === 'eaa' ? (uri.segments.at(-1) ?? '') : formatResourceUri(uri);
    const sealed = sealPacket(request.options, { kid, kek, wrapType, random });
    const annotation = writePacket(sealed, form === 'eaa' ? 'eaa' : 'v1');
    onWrap?.(kid);
    return writeWrapAnswer(annotation);
  }

  /** The key of a name: of its file, of this process, of the folder, or a new one where somebody will keep it. */
  #keyFor(uri: ResourceUri, keyPath: string | undefined): Key {
    const { keys, registrar, random } = this.#options;
    const kept = this.#used.get(formatResourceUri(uri)) ?? keys?.find(uri);
    if (keyPath !== undefined) {
      const kek = fileKey(keyPath);
      if (kept === undefined) return { uri, kek, own: false };
      if (!Buffer.from(kek).equals(kept)) {
        throw new StatusError(STATUS.alreadyExists, `${formatResourceUri(uri)} is another key than that of keypath`);
      }
    }
    if (kept !== undefined) return { uri, kek: kept, own: true };
    if (keys === undefined && registrar === undefined) {
      throw new StatusError(
        STATUS.failedPrecondition,
        'a new key would be known to nobody: give keypath, or start the provider with --kbs or --keys',
      );
    }
    return { uri, kek: random(32), own: false };
  }

  /** Keeps a key wherever keys are kept. Nothing is wrapped with one that is not there. */
  async #registered({ uri, kek, own }: Key): Promise<Uint8Array> {
    const { keys, registrar, replace } = this.#options;
    const name = formatResourceUri(uri);
    if (this.#used.has(name)) return kek;
    if (registrar !== undefined) {
      if (uri.plugin !== 'resource') throw invalid(`keys of the plug-in ${uri.plugin} cannot be put into a key broker`);
      if (!own && !replace && (await registrar.has(uri))) {
        throw new StatusError(
          STATUS.alreadyExists,
          `the key broker has ${name} already, and images that need it: use another keyid, or start with --replace`,
        );
      }
    }
    // The folder first: a key that the broker has, and nobody else, cannot be got back out of it.
    if (keys !== undefined && !own) keys.add(uri, kek);
    await registrar?.put(uri, kek);
    this.#used.set(name, kek);
    return kek;
  }
}

/** @throws StatusError */
function onlyParameter({ parameters }: ProviderRequest): string {
  const names = Object.keys(parameters);
  const values = parameters[PROVIDER] ?? (names.length === 1 ? parameters[names[0] ?? ''] : undefined) ?? [];
  if (values.length === 0 && names.length > 1) throw invalid(`none of the parameters is for ${PROVIDER}`);
  // The others would be left out without a word.
  if (values.length > 1) throw invalid('several keys for one provider: encrypt for one at a time');
  return values[0] ?? '';
}

/** In EAA's time the parameter was the name of the key. Undefined: none was given, or today's grammar was used. */
function eaaNameOf(text: string): string | undefined {
  if (text === '' || text === 'Enabled' || text.includes('=')) return undefined;
  if (!PLAIN_NAME.test(text)) throw invalid('the name of the key holds what is not allowed');
  return text;
}

function eaaKeyId(name: string): ResourceUri {
  if (!PLAIN_NAME.test(name)) throw invalid('the name of the key holds what is not allowed');
  return parseResourceUri(`${MADE_UP}${name}`);
}

function madeUp(): ResourceUri {
  return parseResourceUri(`${MADE_UP}${randomUUID()}`);
}

function fileKey(path: string): Uint8Array {
  try {
    return readKey(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    throw new StatusError(STATUS.invalidArgument, `keypath ${path}: ${code}`);
  }
}

function sameUri(one: ResourceUri, other: ResourceUri): boolean {
  return formatResourceUri(one) === formatResourceUri(other);
}
