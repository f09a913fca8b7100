import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { emulatedEnclave, enclaveSigningKey, SGX_FLAG } from '@assay/soft-tee';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';

export interface EnclaveFlags extends CommonFlags {
  readonly out: string;
  readonly isvSvn: string;
  readonly debug?: boolean;
}

/** `assay emulate enclave NAME`: artifacts of a build that never was. */
export function writeEnclave(name: string, flags: EnclaveFlags): void {
  const isvSvn = /^\d{1,5}$/.test(flags.isvSvn) ? Number(flags.isvSvn) : Number.NaN;
  if (!(isvSvn <= 0xffff)) throw new CliError(`--isv-svn ${flags.isvSvn}: 0 to 65535`, EXIT.usage);
  mkdirSync(flags.out, { recursive: true });
  const attributes = SGX_FLAG.mode64bit | (flags.debug === true ? SGX_FLAG.debug : 0n);
  const { sgxs, sigstruct, mrEnclave } = emulatedEnclave(name, keyIn(flags.out), { isvSvn, attributes });
  const files = { sgxs: join(flags.out, `${name}.sgxs`), sigstruct: join(flags.out, `${name}.sig`) };
  writeFileSync(files.sgxs, sgxs);
  writeFileSync(files.sigstruct, sigstruct);
  const result = { mr_enclave: encodeHex(mrEnclave), ...files };
  outputOf(flags).result(result, (out) =>
    out.write(`wrote ${files.sigstruct}, ${files.sgxs}: MRENCLAVE ${result.mr_enclave}\n`),
  );
}

/** Builds of one folder have one signer. */
function keyIn(folder: string): KeyObject {
  const file = join(folder, 'signing-key.pem');
  if (existsSync(file)) {
    try {
      return createPrivateKey(readFileSync(file));
    } catch (cause) {
      throw new CliError(`${file} is no private key`, EXIT.malformed, {
        hint: 'delete it; another one is made',
        cause,
      });
    }
  }
  const key = enclaveSigningKey();
  writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return key;
}
