import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';

/** Which key broker client a guest uses, and where its broker is. */
export interface KbcParams {
  /** `cc_kbc`, `offline_fs_kbc` … */
  readonly name: string;
  /** Empty where the client needs none. */
  readonly uri: string;
}

/** Upstream's choice where nothing is said. */
const DEFAULT: KbcParams = { name: 'offline_fs_kbc', uri: '' };

/** Reads `<kbc>::<uri>`. The separator stands exactly once, as for every peer. @throws ConfigError */
export function parseKbcParams(text: string): KbcParams {
  const parts = text.split('::');
  const [name = '', uri = ''] = parts;
  if (parts.length !== 2 || name === '')
    throw new ConfigError('aa_kbc_params must be NAME::URI, with :: exactly once; write an IPv6 address without ::');
  return { name, uri };
}

/**
 * Value of a parameter on a kernel command line.
 *
 * @param which of several counts: upstream's components do not agree, and two of one guest should
 */
export function kernelParameter(commandLine: string, name: string, which: 'first' | 'last'): string | undefined {
  const prefix = `${name}=`;
  const found = commandLine.split(/\s+/).filter((token) => token.startsWith(prefix));
  return found.at(which === 'first' ? 0 : -1)?.slice(prefix.length);
}

/** The kernel's command line below `root`; empty where there is none. */
export async function readKernelCommandLine(root: string): Promise<string> {
  return readFile(join(root, 'proc/cmdline'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return '';
    throw error;
  });
}

/**
 * What a guest without a configuration file uses: `AA_KBC_PARAMS`, else `agent.aa_kbc_params` of the kernel's command line.
 *
 * @throws ConfigError
 */
export function kbcParamsOf(env: Readonly<Record<string, string | undefined>>, commandLine: string): KbcParams {
  const text = env['AA_KBC_PARAMS'] ?? kernelParameter(commandLine, 'agent.aa_kbc_params', 'first');
  return text === undefined ? DEFAULT : parseKbcParams(text);
}
