import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { configHome, readCredentials, rememberServer } from '../client/config-home.js';
import { adminClient, readCa } from '../client/server.js';
import { outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';

interface Session {
  readonly subject: string;
  readonly role: string;
  readonly mode: string;
}

/** `assay login`: proves that this user may administer a server, and remembers how. */
export function loginCommand(): Command {
  return serverCommand('login', 'check admin credentials against a server and remember them for later commands', [
    'assay login',
    'assay login --server https://kbs.example:8080 --token-file admin-token --cert-file server.pem',
  ])
    .option(
      '--token-file <file>',
      'file with the admin token; default: ASSAY_TOKEN, or what `assay serve` left at first start',
    )
    .action(async (flags: ServerCommandFlags & { tokenFile?: string }) => {
      const home = configHome();
      const known = readCredentials(home);
      const url = (flags.server ?? known.current ?? 'https://127.0.0.1:8080').replace(/\/+$/, '');
      const token =
        flags.tokenFile === undefined
          ? (process.env['ASSAY_TOKEN'] ?? known.servers[url]?.token)
          : readFileSync(flags.tokenFile, 'utf8').trim();
      if (token === undefined) {
        throw new CliError(`no admin token for ${url} is known here`, EXIT.refused, {
          hint: 'give it with --token-file FILE; `assay serve` says at first start where it is',
        });
      }
      const session = (await adminClient({ ...flags, server: url }, { ...process.env, ASSAY_TOKEN: token }).json(
        'GET',
        '/api/v1/session',
      )) as Session;
      rememberServer(home, url, { token, ...(flags.certFile === undefined ? {} : { ca: readCa(flags.certFile) }) });
      outputOf(flags).result({ server: url, ...session }, (out) =>
        out.write(`${styled(out, 'green', 'logged in')} to ${url} as ${session.subject}, role ${session.role}\n`),
      );
    });
}
