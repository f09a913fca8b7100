import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { DecodeError, decodeUtf8, encodeUtf8 } from '@assay/bytes';
import { DATA_HUB_SOCKET, unsealRemotely } from '@assay/guest/services';
import { isSealedSecret } from '@assay/protocol';
import { CliError, EXIT } from '../exit.js';

export interface InjectFlags {
  readonly cdh_addr?: string;
  /** `SEALED=TARGET` */
  readonly file?: readonly string[];
}

type Unseal = (sealed: Uint8Array) => Promise<Uint8Array>;

/**
 * Starts a program with its sealed secrets unsealed: values of its environment, and files. Where one does not unseal the program
 * is not started, and no sealed text is passed on as if it were the secret.
 */
export async function inject(command: readonly string[], flags: InjectFlags): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new CliError('no program is named after --', EXIT.usage);
  const client = unsealRemotely(flags.cdh_addr ?? DATA_HUB_SOCKET);
  try {
    const env = await unsealedEnvironment(process.env, client.unseal);
    // All are unsealed before the first is written.
    const files = await Promise.all((flags.file ?? []).map((pair) => unsealedFile(pair, client.unseal)));
    for (const { target, secret } of files) writeSecret(target, secret);
    return await run(program, args, env);
  } finally {
    client.close();
  }
}

/** The environment with sealed values replaced. @throws CliError for one that does not unseal, or is no text without NUL */
export async function unsealedEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  unseal: Unseal,
): Promise<Record<string, string>> {
  const entries = await Promise.all(
    Object.entries(env).map(async ([name, value = '']): Promise<[string, string]> => {
      if (!isSealedSecret(value)) return [name, value];
      const where = `the environment variable ${name}`;
      const secret = await unsealed(where, encodeUtf8(value), unseal);
      try {
        const text = decodeUtf8(secret);
        if (!text.includes('\0')) return [name, text];
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
      throw new CliError(`${where}: its secret is not a text; hand it over as a file`, EXIT.malformed);
    }),
  );
  return Object.fromEntries(entries);
}

async function unsealedFile(pair: string, unseal: Unseal): Promise<{ target: string; secret: Uint8Array }> {
  const at = pair.indexOf('=');
  if (at < 1 || at === pair.length - 1) throw new CliError(`--file ${pair}: SEALED=TARGET is wanted`, EXIT.usage);
  const [source, target] = [pair.slice(0, at), pair.slice(at + 1)];
  if (existsSync(target))
    throw new CliError(`${target} is there already`, EXIT.usage, { hint: 'name a file that does not exist' });
  const bytes = readFileSync(source);
  // Whoever asks for a file to be unsealed means that it is sealed.
  if (!isSealedSecret(bytes.toString('latin1'))) throw new CliError(`${source} is not a sealed secret`, EXIT.malformed);
  return { target, secret: await unsealed(source, bytes, unseal) };
}

async function unsealed(what: string, sealed: Uint8Array, unseal: Unseal): Promise<Uint8Array> {
  try {
    return await unseal(sealed);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : 'unknown error';
    throw new CliError(`${what} does not unseal: ${text}`, EXIT.refused, {
      hint: 'the log of the Confidential Data Hub says why; the program was not started',
      cause,
    });
  }
}

/** Readable by its owner only, and there as a whole or not at all. */
function writeSecret(target: string, secret: Uint8Array): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, secret, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, target);
}

/** Runs it in place of this command: same terminal, signals handed on, its exit code. */
function run(program: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', env });
    const handOn = (signal: NodeJS.Signals): void => void child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const;
    for (const signal of signals) process.on(signal, handOn);
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CliError(`${program} cannot be started (${error.code ?? 'unknown'})`, EXIT.unreachable, { cause: error }),
      ),
    );
    child.on('close', (code, signal) => {
      for (const each of signals) process.off(each, handOn);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
