/** Keys of `assay image`, spelled as skopeo spells them. */
import { type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  jweUnwrapper,
  jweWrapper,
  type KeyUnwrapper,
  type KeyWrapper,
  type Pkcs7Identity,
  pkcs7Unwrapper,
  pkcs7Wrapper,
  readCertificate,
  readPrivateKey,
  readPublicKey,
} from '@assay/ocicrypt';
import { CliError, EXIT } from '../exit.js';

const random = (length: number): Uint8Array => randomBytes(length);

/** `jwe:FILE`, `pkcs7:FILE`: all recipients of one scheme share one wrapping. @throws CliError */
export function wrappersOf(keys: readonly string[]): readonly KeyWrapper[] {
  const files = (scheme: string): string[] =>
    keys.filter((key) => key.startsWith(`${scheme}:`)).map((key) => key.slice(scheme.length + 1));
  const unknown = keys.find((key) => !/^(jwe|pkcs7):./.test(key));
  if (unknown !== undefined) {
    throw new CliError(`--encryption-key ${unknown}: no such kind of key`, EXIT.usage, {
      hint: 'jwe:PUBLIC-KEY or pkcs7:CERTIFICATE',
    });
  }
  const [jwe, pkcs7] = [files('jwe'), files('pkcs7')];
  return [
    ...(jwe.length === 0 ? [] : [jweWrapper(jwe.map((file) => readPublicKey(readFileSync(file), file)))]),
    ...(pkcs7.length === 0 ? [] : [pkcs7Wrapper(pkcs7.map(certificateOf), random)]),
  ];
}

/**
 * `FILE[:PASSWORD]`, with `PASSWORD` as skopeo takes it: `file=PATH`, `fd=N`, `pass=TEXT`, or the text itself. Certificates go with the
 * key of theirs, in any order.
 */
export function unwrappersOf(keys: readonly string[]): readonly KeyUnwrapper[] {
  const certificates: X509Certificate[] = [];
  const privateKeys: KeyObject[] = [];
  for (const one of keys) {
    const { file, password } = parseKey(one);
    const bytes = readFileSync(file);
    const certificate = readCertificate(bytes);
    if (certificate !== undefined) certificates.push(certificate);
    else privateKeys.push(readPrivateKey(bytes, file, password));
  }
  const identities: Pkcs7Identity[] = certificates.flatMap((certificate) => {
    const key = privateKeys.find((candidate) => certificate.checkPrivateKey(candidate));
    return key === undefined ? [] : [{ certificate, key }];
  });
  return [jweUnwrapper(privateKeys), ...(identities.length === 0 ? [] : [pkcs7Unwrapper(identities, random)])];
}

function certificateOf(file: string): X509Certificate {
  const certificate = readCertificate(readFileSync(file));
  if (certificate === undefined) throw new CliError(`${file}: no certificate in PEM or DER`, EXIT.malformed);
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') {
    throw new CliError(`${file}: PKCS#7 wants a certificate of an RSA key`, EXIT.malformed, {
      hint: 'EC keys are recipients by jwe:PUBLIC-KEY',
    });
  }
  return certificate;
}

function parseKey(text: string): { readonly file: string; readonly password?: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { file: text };
  const given = text.slice(colon + 1);
  return { file: text.slice(0, colon), password: passwordOf(given) };
}

function passwordOf(given: string): string {
  const [, kind, value = ''] = /^(file|fd|pass)=(.*)$/s.exec(given) ?? [];
  if (kind === 'file') return firstLine(readFileSync(value, 'utf8'));
  if (kind === 'fd') return firstLine(readFileSync(Number(value), 'utf8'));
  return kind === 'pass' ? value : given;
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}
