/** What a server for IBM Secure Execution needs: host-key documents with what they hang on, image headers, a key pair. */
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { assayError } from '@assay/bytes/findings';
import { imageTags, MeasurementSeal, type SeMaterials } from '@assay/evidence/se';
import { parseCertificates, type TrustAnchor } from '@assay/evidence/x509';
import type { Static } from 'typebox';
import { OptionalText, section, Texts } from '../field.js';

const FILES = 'Files, or folders of which every file is taken.';

export const SeSettings = section(
  'IBM Secure Execution: what challenges are made with and answers are judged by. Files are read once, at start.',
  {
    host_key_documents: Texts(`Host-key documents of the machines that guests run on. ${FILES}`),
    certificates: Texts(`IBM’s signing key and the intermediate certificates above it. ${FILES}`),
    crls: Texts(`CRLs of the signing key and of the CAs above it, which are required. ${FILES}`),
    root_ca: Texts('Certificates of the roots above them; none is built in.'),
    image_headers: Texts(
      'Headers (`hdr.bin`) of the images that guests run, or the images. The first one goes into challenges; answers of all are taken.',
    ),
    measurement_key: OptionalText(
      'PEM file with the RSA private key, at least 2048 bits, that measurement keys are sealed with: replicas need the same one. Without it one is made at each start. Who has it can make evidence: keep it as private as a signing key.',
    ),
  },
);

export type SeSection = Static<typeof SeSettings>;

const MOST_FILES = 256;
const LARGEST_FILE = 256 * 1024 * 1024;

/** What the verifier of `@assay/evidence` takes; files are read here, once. @throws AssayError `config.file.form` */
export function seMaterials(settings: SeSection, emulatedRoots: readonly TrustAnchor[]): SeMaterials {
  const read = (key: keyof SeSection, paths: readonly string[]) => paths.flatMap((path) => filesOf(key, path));
  const bytesOf = (key: keyof SeSection, paths: readonly string[]) => read(key, paths).map(({ bytes }) => bytes);
  return {
    hostKeyDocuments: read('host_key_documents', settings.host_key_documents).map(({ path, bytes }) => ({
      name: basename(path),
      bytes,
    })),
    certificates: bytesOf('certificates', settings.certificates),
    crls: bytesOf('crls', settings.crls),
    roots: read('root_ca', settings.root_ca).map((file) => usable('root_ca', file, 'certificates in PEM or DER')),
    emulatedRoots,
    imageTags: read('image_headers', settings.image_headers).map(({ path, bytes }) =>
      attempt('image_headers', path, 'an image or its header is wanted', () => imageTags(bytes)),
    ),
    seal: sealOf(settings),
  };
}

/** A key that was named is read at start, so that a mistake is told then; one that is made is made when it is needed. */
function sealOf({ measurement_key: path }: SeSection): () => MeasurementSeal {
  if (path === undefined) {
    return () => new MeasurementSeal(generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey);
  }
  const seal = attempt('measurement_key', path, 'an RSA private key in PEM is wanted', () => {
    return new MeasurementSeal(readFileSync(path, 'utf8'));
  });
  return () => seal;
}

interface NamedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

function filesOf(key: keyof SeSection, path: string): NamedFile[] {
  return attempt(key, path, 'a file or a folder of files is wanted', () => {
    const paths = statSync(path).isDirectory() ? inFolder(path) : [path];
    return paths.map((file) => {
      const { size } = statSync(file);
      if (size > LARGEST_FILE) throw new Error(`${basename(file)} has ${size} bytes`);
      return { path: file, bytes: new Uint8Array(readFileSync(file)) };
    });
  });
}

/** Files of a folder by name. Names with a dot in front are of the system that mounted it (`..data`). */
function inFolder(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  const files = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
  if (files.length > MOST_FILES) throw new Error(`${files.length} files; at most ${MOST_FILES} are read`);
  return files.sort();
}

function usable(key: keyof SeSection, { path, bytes }: NamedFile, expected: string): Uint8Array {
  attempt(key, path, `${expected} are wanted`, () => parseCertificates(bytes));
  return bytes;
}

function attempt<T>(key: keyof SeSection, path: string, expected: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const actual = `${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
    throw assayError('config.file.form', {
      params: { file: 'settings', line: '', key: `se.${key}`, actual, expected },
      cause: error,
    });
  }
}
