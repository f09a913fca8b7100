/** Emulated builds of enclaves: a load, and the SIGSTRUCT that signs it, with a key that nobody should trust. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { concatBytes, decodeBase64url, decodeHex, encodeUtf8 } from '@assay/bytes';
import { encodeSgxs, measureSgxs, PAGE_ACCESS, PAGE_KIND, quotients, toLittleEndian } from '@assay/evidence/sgx';
import { exactly, u16, u32, u64 } from '../fixed.js';
import { SGX_FLAG } from './sgx-report.js';

/** What a SIGSTRUCT says, beside the signature and what follows from it. */
export interface SigstructFields {
  /** 16 bytes. */
  readonly header: Uint8Array;
  readonly vendor: number;
  /** `YYYYMMDD`. */
  readonly date: string;
  /** 16 bytes. */
  readonly header2: Uint8Array;
  readonly exponent: number;
  readonly miscSelect: number;
  readonly miscMask: number;
  readonly attributes: bigint;
  readonly xfrm: bigint;
  readonly attributesMask: bigint;
  readonly xfrmMask: bigint;
  readonly enclaveHash: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
}

const HEADER = decodeHex('06000000e10000000000010000000000');
const HEADER2 = decodeHex('01010000600000006000000001000000');

/** A key as `sgx_sign` wants one: 3072 bits, exponent 3. Making it takes up to a second. */
export function enclaveSigningKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 }).privateKey;
}

/** A SIGSTRUCT over given fields; what is left out is that of an ordinary production build. */
export function encodeSigstruct(
  fields: Pick<SigstructFields, 'enclaveHash'> & Partial<SigstructFields>,
  key: KeyObject,
): Uint8Array {
  const all: SigstructFields = {
    header: HEADER,
    vendor: 0,
    date: '20260102',
    header2: HEADER2,
    exponent: 3,
    miscSelect: 0,
    miscMask: 0xffff_ffff,
    attributes: SGX_FLAG.mode64bit,
    xfrm: 0xe7n,
    // DEBUG is compared: such an enclave is never launched in debug.
    attributesMask: 0xffff_ffff_ffff_ffffn,
    xfrmMask: 0xffff_ffff_ffff_ff1bn,
    isvProdId: 1,
    isvSvn: 1,
    ...fields,
  };
  const head = concatBytes(
    exactly(all.header, 16, 'header'),
    u32(all.vendor),
    decodeHex(all.date).reverse(),
    exactly(all.header2, 16, 'header2'),
    new Uint8Array(4 + 84),
  );
  const body = concatBytes(
    u32(all.miscSelect),
    u32(all.miscMask),
    new Uint8Array(4 + 16),
    u64(all.attributes),
    u64(all.xfrm),
    u64(all.attributesMask),
    u64(all.xfrmMask),
    exactly(all.enclaveHash, 32, 'ENCLAVEHASH'),
    new Uint8Array(16 + 16),
    u16(all.isvProdId),
    u16(all.isvSvn),
  );
  const signature = BigInt(`0x${sign('sha256', concatBytes(head, body), key).toString('hex')}`);
  const modulus = BigInt(`0x${Buffer.from(decodeBase64url(key.export({ format: 'jwk' }).n ?? '')).toString('hex')}`);
  const due = quotients(modulus, signature, 384);
  if (due === undefined) throw new RangeError('the signature is not smaller than the modulus');
  const numbers = concatBytes(toLittleEndian(modulus, 384), u32(all.exponent), toLittleEndian(signature, 384));
  return concatBytes(head, numbers, body, new Uint8Array(12), due.q1, due.q2);
}

/** An enclave that was never built: its only page is filled with a name. The same name gives the same MRENCLAVE. */
export function emulatedEnclave(
  name: string,
  key: KeyObject,
  fields: Partial<SigstructFields> = {},
): { readonly sgxs: Uint8Array; readonly sigstruct: Uint8Array; readonly mrEnclave: Uint8Array } {
  const data = new Uint8Array(4096);
  data.set(encodeUtf8(`Assay emulated enclave ${name}`).subarray(0, data.length));
  const sgxs = encodeSgxs({
    size: 8192n,
    ssaFrameSize: 1,
    pages: [{ offset: 0n, flags: PAGE_ACCESS.read | PAGE_ACCESS.execute | PAGE_KIND.regular, data }],
  });
  const { mrEnclave } = measureSgxs(sgxs);
  return { sgxs, sigstruct: encodeSigstruct({ enclaveHash: mrEnclave, ...fields }, key), mrEnclave };
}
