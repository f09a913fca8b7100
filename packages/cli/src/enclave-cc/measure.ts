import { readFileSync } from 'node:fs';
import { DecodeError, encodeHex } from '@assay/bytes';
import { assembleVerdict, type FindingDraft } from '@assay/bytes/findings';
import {
  type AuthenticSigstruct,
  isDebugEnclave,
  type MeasuredLoad,
  mayDebug,
  measureEnclave,
  measureSgxs,
  type Sigstruct,
} from '@assay/evidence/sgx';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';

export interface MeasureFlags extends CommonFlags {
  readonly sigstruct?: string;
  readonly sgxs?: string;
}

/** `assay measure sgx`: MRENCLAVE and MRSIGNER of a build. */
export function measureSgx(flags: MeasureFlags): void {
  const { sigstruct, sgxs } = flags;
  if (sigstruct === undefined) {
    if (sgxs === undefined) throw new CliError('--sigstruct or --sgxs is due', EXIT.usage);
    const load = loadOf(sgxs);
    const result = { mr_enclave: encodeHex(load.mrEnclave), size: Number(load.size), pages: load.pages };
    outputOf(flags).result(result, (out) => out.write(`${result.mr_enclave}\n`));
    return;
  }
  const measured = measuredOf(sigstruct, sgxs);
  const refused = measured.authentic === undefined;
  const { findings } = assembleVerdict({ kind: 'sgx', at: new Date(), asked: false, findings: [...measured.findings] });
  const build = measured.sigstruct;
  const facts = build === undefined ? {} : factsOf(build);
  outputOf(flags).result({ verdict: refused ? 'reject' : 'accept', ...facts, findings }, (out) => {
    for (const { id, outcome, title } of measured.findings)
      if (outcome !== 'pass') out.write(`${styled(out, 'red', outcome)}  ${id}  ${title ?? ''}\n`);
    for (const [name, value] of Object.entries(facts)) out.write(`${name.padEnd(12)} ${String(value)}\n`);
  });
  if (refused) process.exitCode = EXIT.refused;
}

function factsOf(build: Sigstruct) {
  return {
    mr_enclave: encodeHex(build.enclaveHash),
    mr_signer: encodeHex(build.mrSigner),
    isv_prod_id: build.isvProdId,
    isv_svn: build.isvSvn,
    attributes: encodeHex(build.attributes),
    date: build.date,
    debug: isDebugEnclave(build) ? 'always' : mayDebug(build) ? 'possible' : 'never',
  };
}

/** Builds whose files may become reference values. @throws CliError exit 1 for one that is not as EINIT wants it */
export function authenticBuilds(files: readonly string[]): readonly [AuthenticSigstruct, ...AuthenticSigstruct[]] {
  const [first, ...more] = files.map((file) => {
    const { authentic, findings } = measuredOf(file, undefined);
    if (authentic === undefined) throw refusal(file, findings);
    return authentic;
  });
  if (first === undefined) throw new CliError('at least one --sigstruct is due', EXIT.usage);
  return [first, ...more];
}

function refusal(file: string, findings: readonly FindingDraft[]): CliError {
  const [fault] = findings.filter(({ outcome }) => outcome === 'fail');
  return new CliError(`${file}: ${fault?.title ?? 'no SIGSTRUCT'}`, EXIT.refused, {
    ...(fault?.remedy === undefined ? {} : { hint: fault.remedy }),
    data: { findings },
  });
}

function measuredOf(sigstruct: string, sgxs: string | undefined) {
  const load = sgxs === undefined ? {} : { sgxs: bytesOf(sgxs) };
  return naming(sgxs ?? '', () => measureEnclave({ sigstruct: bytesOf(sigstruct), ...load }));
}

function loadOf(file: string): MeasuredLoad {
  return naming(file, () => measureSgxs(bytesOf(file)));
}

function naming<T>(file: string, measure: () => T): T {
  try {
    return measure();
  } catch (error) {
    if (error instanceof DecodeError) throw new CliError(`${file}: ${error.message}`, EXIT.malformed, { cause: error });
    throw error;
  }
}

function bytesOf(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}
