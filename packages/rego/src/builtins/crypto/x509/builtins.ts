/** `crypto.x509.*` and `crypto.parse_private_keys`. Needs `node:crypto`. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import {
  isArray,
  isNumber,
  objectEntries,
  RegoSet,
  toBigInt,
  utf8Decode,
  utf8Encode,
  type Value,
} from '../../../value/index.js';
import { objectOperand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, BuiltinError, failure, T } from '../../types.js';
import { Base64Error, decodeBase64, encodeBase64 } from '../base64.js';
import { DerError } from '../der.js';
import { goPrivateKey, jwkValue, KeyError, loadPrivateKey, privateKeysFromPem } from '../keys.js';
import { nextPemBlock, type PemBlock, pemBlocks } from '../pem.js';
import { certificateValue, type ParsedCertificate, parseCertificates } from './certificate.js';
import { USAGE_BY_NAME } from './oids.js';
import { certificateRequestValue } from './request.js';
import { type VerifyOptions, verifyChain } from './verify.js';

const BEGIN = '-----BEGIN';
const MALFORMED = 'x509: malformed certificate: ';

/** Turns what the readers throw into built-in errors; their texts hold nothing of the input beyond names. */
function reading<R>(run: () => R, prefix = ''): R {
  try {
    return run();
  } catch (error) {
    if (error instanceof DerError) {
      throw failure(error.message.startsWith('x509: ') ? error.message : prefix + error.message);
    }
    if (error instanceof Base64Error || error instanceof KeyError) throw failure(error.message);
    throw error;
  }
}

function textOperand(args: readonly Value[], pos: number, ctx: BuiltinContext): string {
  const text = stringOperand(args, pos);
  ctx.budget.step(1 + (text.length >> 2));
  return text;
}

/** Certificates from PEM, base64 of PEM, or base64 of concatenated DER. */
function certificatesFrom(text: string): ParsedCertificate[] {
  if (text.startsWith(BEGIN)) return certificatesFromPem(text);
  const bytes = decodeBase64(text);
  const decoded = utf8Decode(bytes);
  return decoded.startsWith(BEGIN) ? certificatesFromPem(decoded) : parseCertificates(bytes);
}

function certificatesFromPem(text: string): ParsedCertificate[] {
  return pemBlocks(text).flatMap(({ type, der }) => {
    if (type !== 'CERTIFICATE') throw failure(`PEM block type is '${type}', expected CERTIFICATE`);
    return parseCertificates(der);
  });
}

function parse(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = textOperand(args, 1, ctx);
  return reading(() => certificatesFrom(text).map((certificate) => certificateValue(certificate)), MALFORMED);
}

const UNVERIFIED: Value = [false, []];

function parseAndVerify(args: readonly Value[], ctx: BuiltinContext): Value {
  return verified(textOperand(args, 1, ctx), { time: Number(ctx.now / 1_000_000n) }, true);
}

function parseAndVerifyWithOptions(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = textOperand(args, 1, ctx);
  const options = objectOperand(args, 2);
  // Input that cannot be read is invalid whatever the options say.
  if (tryCertificates(text) === undefined) return UNVERIFIED;
  return verified(text, verifyOptions(options, ctx), false);
}

function tryCertificates(text: string): ParsedCertificate[] | undefined {
  try {
    return reading(() => certificatesFrom(text));
  } catch (error) {
    if (error instanceof BuiltinError) return undefined;
    throw error;
  }
}

function verified(text: string, options: VerifyOptions, withUris: boolean): Value {
  const certificates = tryCertificates(text);
  const chain = certificates && verifyChain(certificates, options);
  if (chain === undefined) return UNVERIFIED;
  return [true, chain.map((certificate) => certificateValue(certificate, withUris))];
}

function verifyOptions(options: Parameters<typeof objectEntries>[0], ctx: BuiltinContext): VerifyOptions {
  const out: { time: number; dnsName?: string; usages?: number[] } = { time: Number(ctx.now / 1_000_000n) };
  for (const { key, value } of objectEntries(options)) {
    switch (key) {
      case 'DNSName':
        if (typeof value !== 'string') throw failure("'DNSName' should be a string");
        out.dnsName = value.replace(/^"+|"+$/g, '');
        break;
      case 'CurrentTime': {
        if (!isNumber(value)) throw failure("'CurrentTime' should be a number");
        const nanoseconds = toBigInt(value);
        if (nanoseconds === undefined || BigInt.asIntN(64, nanoseconds) !== nanoseconds) {
          throw failure("'CurrentTime' should be a valid int64 number");
        }
        out.time = Number(nanoseconds / 1_000_000n);
        break;
      }
      case 'MaxConstraintComparisons':
        // The engine's own bounds apply; the operand is only checked.
        if (!isNumber(value)) throw failure("'MaxConstraintComparisons' should be a number");
        break;
      case 'KeyUsages':
        out.usages = keyUsages(value);
        break;
      default:
        if (typeof key === 'string') throw failure('invalid key option');
    }
  }
  return out;
}

function keyUsages(value: Value): number[] {
  const names = isArray(value) ? value : value instanceof RegoSet ? value.values() : undefined;
  if (names === undefined) throw failure("'KeyUsages' should be an Array or Set");
  const texts = names.filter((name): name is string => typeof name === 'string').map((name) => name.replace(/"/g, ''));
  const unknown = texts.filter((name) => !USAGE_BY_NAME.has(name));
  if (unknown.length > 0) throw failure(`invalid entries for 'KeyUsages' found: [${unknown.join(' ')}]`);
  return texts.map((name) => USAGE_BY_NAME.get(name) as number);
}

function parseRequest(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = textOperand(args, 1, ctx);
  return reading(() => {
    const bytes = text.startsWith('-----BEGIN CERTIFICATE REQUEST-----') ? utf8Encode(text) : decodeBase64(text);
    const pem = nextPemBlock(utf8Decode(bytes));
    if (pem === undefined) return certificateRequestValue(bytes);
    if (pem.block.type !== 'CERTIFICATE REQUEST') throw failure('invalid PEM-encoded certificate signing request');
    return certificateRequestValue(pem.block.der);
  });
}

function parseRsaPrivateKey(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = textOperand(args, 1, ctx);
  if (text === '') throw failure('input PEM data was empty');
  return reading(() => {
    const pem = text.startsWith(BEGIN) ? text : utf8Decode(decodeBase64(text));
    const [key] = privateKeysFromPem(decodedIfBase64(pem));
    return key === undefined ? null : jwkValue(key);
  });
}

function parsePrivateKeys(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = textOperand(args, 1, ctx);
  if (text === '') return null;
  return reading(() => privateKeysFromPem(decodedIfBase64(text)).map(goPrivateKey));
}

function decodedIfBase64(text: string): string {
  try {
    return utf8Decode(decodeBase64(text));
  } catch (error) {
    if (error instanceof Base64Error) return text;
    throw error;
  }
}

function pemOrDer(text: string, type: string): PemBlock[] {
  if (text.startsWith(BEGIN)) return pemBlocks(text);
  const bytes = decodeBase64(text);
  const decoded = utf8Decode(bytes);
  return decoded.startsWith(BEGIN) ? pemBlocks(decoded) : [{ type, der: bytes }];
}

/** A certificate chain and its key in the JSON form of Go's `tls.Certificate`. */
function parseKeyPair(args: readonly Value[], ctx: BuiltinContext): Value {
  const certificateText = textOperand(args, 1, ctx);
  const keyText = textOperand(args, 2, ctx);
  return reading(() => {
    const chain = pemOrDer(certificateText, 'CERTIFICATE').filter(({ type }) => type === 'CERTIFICATE');
    const first = chain[0];
    if (first === undefined) throw failure('tls: failed to find any PEM data in certificate input');
    const keyBlock = pemOrDer(keyText, 'PRIVATE KEY').find(({ type }) => type.endsWith('PRIVATE KEY'));
    if (keyBlock === undefined) throw failure('tls: failed to find any PEM data in key input');
    const key = loadPrivateKey(keyBlock);
    const [leaf] = parseCertificates(first.der);
    if (leaf === undefined || !publicKeyOf(leaf).equals(createPublicKey(key))) {
      throw failure('tls: private key does not match public key');
    }
    return {
      Certificate: chain.map(({ der }) => encodeBase64(der)),
      PrivateKey: goPrivateKey(key),
      SupportedSignatureAlgorithms: null,
      OCSPStaple: null,
      SignedCertificateTimestamps: null,
      Leaf: certificateValue(leaf, false),
    };
  });
}

function publicKeyOf(certificate: ParsedCertificate): ReturnType<typeof createPublicKey> {
  try {
    return new X509Certificate(certificate.raw).publicKey;
  } catch {
    throw failure('tls: unknown public key algorithm');
  }
}

export const x509Builtins: readonly Builtin[] = [
  { name: 'crypto.x509.parse_certificates', args: [T.string], result: T.array(T.object(T.string)), impl: parse },
  {
    name: 'crypto.x509.parse_and_verify_certificates',
    args: [T.string],
    result: T.tuple(T.boolean, T.array(T.object(T.string))),
    impl: parseAndVerify,
  },
  {
    name: 'crypto.x509.parse_and_verify_certificates_with_options',
    args: [T.string, T.object(T.string)],
    result: T.tuple(T.boolean, T.array(T.object(T.string))),
    impl: parseAndVerifyWithOptions,
  },
  {
    name: 'crypto.x509.parse_certificate_request',
    args: [T.string],
    result: T.object(T.string),
    impl: parseRequest,
  },
  {
    name: 'crypto.x509.parse_rsa_private_key',
    args: [T.string],
    result: T.union(T.null, T.object(T.string)),
    impl: parseRsaPrivateKey,
  },
  {
    name: 'crypto.x509.parse_keypair',
    args: [T.string, T.string],
    result: T.object(T.string),
    impl: parseKeyPair,
  },
  {
    name: 'crypto.parse_private_keys',
    args: [T.string],
    result: T.union(T.null, T.array()),
    impl: parsePrivateKeys,
  },
];
