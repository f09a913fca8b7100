import { readFileSync } from 'node:fs';
import { encodeBase64, encodeHex } from '@assay/bytes';
import { CPU_MODELS, cpuSignatureOf, type SevLaunch, sevLaunchDigest } from '@assay/evidence/sev';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';

/** Artifacts of a launch, by path. */
export interface ArtifactFlags {
  readonly firmware: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly es?: boolean;
  readonly vcpus?: string;
  readonly cpu?: string;
  readonly cpuSignature?: string;
  readonly fpu?: string;
}

/** `assay measure sev`: the launch digest of artifacts. */
export function measureSev(flags: ArtifactFlags & CommonFlags): void {
  const launch = artifactsOf(flags, (path) => new Uint8Array(readFileSync(path)));
  const digest = sevLaunchDigest(launch);
  const result = {
    mode: launch.es === undefined ? 'SEV' : 'SEV-ES',
    launch_digest: encodeHex(digest),
    base64: encodeBase64(digest),
  };
  outputOf(flags).result(result, (out) => {
    out.write(`${result.launch_digest}\n`);
    out.write(`for allowed_digests of a launch policy: ${result.base64}\n`);
  });
}

/** The launch that flags describe. @throws CliError usage */
export function artifactsOf(flags: ArtifactFlags, read: (path: string) => Uint8Array): SevLaunch {
  const { firmware, kernel, initrd, append } = flags;
  if (kernel === undefined && (initrd !== undefined || append !== undefined))
    throw new CliError('--initrd and --append are measured beside a --kernel only', EXIT.usage);
  if (flags.es !== true && (flags.vcpus ?? flags.cpu ?? flags.cpuSignature ?? flags.fpu) !== undefined)
    throw new CliError('vCPUs are measured with --es only', EXIT.usage);
  return {
    firmware: read(firmware),
    ...(kernel === undefined
      ? {}
      : {
          boot: {
            kernel: read(kernel),
            ...(initrd === undefined ? {} : { initrd: read(initrd) }),
            ...(append === undefined ? {} : { cmdline: append }),
          },
        }),
    ...(flags.es === true
      ? { es: { vcpus: vcpusOf(flags), cpuSignature: signatureOf(flags), fpu: fpuOf(flags) } }
      : {}),
  };
}

function vcpusOf({ vcpus = '1' }: ArtifactFlags): number {
  const count = /^\d{1,4}$/.test(vcpus) ? Number(vcpus) : 0;
  if (count < 1 || count > 4096) throw new CliError(`--vcpus ${vcpus}: 1 to 4096`, EXIT.usage);
  return count;
}

function signatureOf({ cpu = 'EPYC-v4', cpuSignature }: ArtifactFlags): number {
  if (cpuSignature !== undefined) {
    const value = /^0x[0-9a-fA-F]{1,8}$/.test(cpuSignature) ? Number(cpuSignature) : Number.NaN;
    if (Number.isNaN(value))
      throw new CliError(`--cpu-signature ${cpuSignature}: 0x and hex digits are due`, EXIT.usage);
    return value;
  }
  const known = cpuSignatureOf(cpu);
  if (known === undefined)
    throw new CliError(`--cpu ${cpu}: no such model`, EXIT.usage, { hint: `known are ${CPU_MODELS.join(', ')}` });
  return known;
}

function fpuOf({ fpu = 'zero' }: ArtifactFlags): 'zero' | 'reset' {
  if (fpu === 'zero' || fpu === 'reset') return fpu;
  throw new CliError(`--fpu ${fpu}: zero or reset`, EXIT.usage);
}
