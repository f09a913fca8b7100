/** Asks gpg: for the public keys of its keyring, and to open what is for keys that it keeps (a smart card's among them). */
import { spawn } from 'node:child_process';
import type { KeyUnwrapper } from '@assay/ocicrypt';
import { KEY_ANNOTATION } from '@assay/ocicrypt';
import { CliError, EXIT } from '../exit.js';

const LARGEST_ANSWER = 16 * 1024 * 1024;
/** Somebody may have to type a PIN. */
const TIMEOUT_MS = 120_000;

/** All public keys of gpg's keyring, binary. GNUPGHOME says where it is. @throws CliError */
export async function exportKeyring(): Promise<Uint8Array> {
  const { code, out } = await gpg(['--batch', '--no-tty', '--export'], new Uint8Array(0));
  if (code === 0 && out.length > 0) return out;
  throw new CliError('gpg has no public keys', EXIT.unreachable, {
    hint: 'gpg --import RECIPIENT.asc, or name a file of keys with --pgp-keyring',
  });
}

/** Opens entries with the private keys that gpg keeps: they stay there. */
export function gpgUnwrapper(): KeyUnwrapper {
  return {
    scheme: 'pgp',
    keys: 1,
    reads: (annotation) => annotation === KEY_ANNOTATION.pgp,
    unwrap: async (entry) => {
      // Messages without an integrity check are refused by gpg itself, with an exit code.
      const { code, out } = await gpg(['--quiet', '--no-tty', '--decrypt'], entry);
      return code === 0 ? { options: out, with: { alg: 'OpenPGP', by: 'gpg' } } : { reason: 'gpg has no key for it' };
    },
  };
}

/** @throws CliError where there is no gpg, or it says nothing for two minutes */
function gpg(args: readonly string[], input: Uint8Array): Promise<{ code: number | null; out: Uint8Array }> {
  return new Promise((resolve, reject) => {
    // What gpg says of its keys is for the person at the terminal.
    const child = spawn('gpg', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (what: string, hint: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new CliError(`gpg: ${what}`, EXIT.unreachable, { hint }));
    };
    const timer = setTimeout(() => fail('no answer within two minutes', 'look at gpg-agent'), TIMEOUT_MS);
    child.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.code ?? 'cannot be started', 'apt-get install gnupg, or use files of keys'),
    );
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LARGEST_ANSWER) fail('its answer is too long', 'name a file of keys');
      else chunks.push(chunk);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, out: Buffer.concat(chunks) });
    });
    // One that does not read its input says with its exit code why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
