import { lookup } from 'node:dns/promises';
import { connect as netConnect } from 'node:net';
import { rootCertificates, connect as tlsConnect } from 'node:tls';
import { type Command, Option } from 'commander';
import { configHome, readCredentials } from '../client/config-home.js';
import { call } from '../client/http.js';
import { readCa } from '../client/server.js';
import { outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';

const parts = ['network', 'tls', 'clock', 'ready', 'keys', 'admin'] as const;
type Part = (typeof parts)[number];

/** What one hop looks like from here. */
interface Diagnosis {
  readonly part: Part;
  readonly outcome: 'pass' | 'warn' | 'fail' | 'not-checked';
  readonly found: string;
  readonly remedy?: string;
}

/** What the later hops need to know of the earlier ones. */
interface Facts {
  readonly url: URL;
  readonly ca: string | undefined;
  readonly token: string | undefined;
  /** `Date` header of the server's last answer. */
  date?: Date;
}

/** `assay doctor`: checks each hop to a server and says what to do. */
export function doctorCommand(): Command {
  return serverCommand('doctor', 'check every hop to a server: name, port, TLS, clock, readiness, keys, credentials', [
    'assay doctor',
    'assay doctor --server https://kbs.example:8080 --only tls',
  ])
    .addOption(new Option('--only <part>', 'only this part').choices([...parts, 'rvps', 'kms', 'storage']))
    .action(async (flags: ServerCommandFlags & { only?: string }) => {
      const credentials = readCredentials(configHome());
      const url = (flags.server ?? credentials.current ?? 'https://127.0.0.1:8080').replace(/\/+$/, '');
      const facts: Facts = {
        url: new URL(url),
        ca: flags.certFile === undefined ? credentials.servers[url]?.ca : readCa(flags.certFile),
        token: process.env['ASSAY_TOKEN'] ?? credentials.servers[url]?.token,
      };
      const found = await examine(facts, partOf(flags.only));
      const failed = found.some((diagnosis) => diagnosis.outcome === 'fail');
      outputOf(flags).result({ server: url, ok: !failed, checks: found }, (out) => {
        for (const { part, outcome, found: text, remedy } of found) {
          const colour = ({ pass: 'green', warn: 'yellow', fail: 'red', 'not-checked': 'dim' } as const)[outcome];
          out.write(`${styled(out, colour, outcome.padEnd(11))} ${part.padEnd(8)} ${text}\n`);
          if (remedy !== undefined) out.write(`${' '.repeat(21)}${styled(out, 'cyan', 'do')} ${remedy}\n`);
        }
      });
      if (failed) process.exitCode = EXIT.unreachable;
    });
}

/** Storage, keys and reference values are parts of the server's own readiness. */
function partOf(only: string | undefined): Part | undefined {
  return only === 'rvps' || only === 'kms' || only === 'storage' ? 'ready' : (only as Part | undefined);
}

const checks: Readonly<Record<Part, (facts: Facts) => Promise<Diagnosis>>> = {
  network: checkNetwork,
  tls: checkTls,
  clock: checkClock,
  ready: checkReady,
  keys: checkKeys,
  admin: checkAdmin,
};

async function examine(facts: Facts, only: Part | undefined): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const part of only === undefined ? parts : [only]) {
    // Without a connection nothing further can be learnt, and every later message would only repeat it.
    const cut = found.find(
      (diagnosis) => diagnosis.outcome === 'fail' && (diagnosis.part === 'network' || diagnosis.part === 'tls'),
    );
    if (cut !== undefined) found.push({ part, outcome: 'not-checked', found: `because of ${cut.part}` });
    else found.push(await checks[part](facts).catch((error: unknown) => failure(part, error)));
  }
  return found;
}

function failure(part: Part, error: unknown): Diagnosis {
  const hint = (error as { readonly hint?: unknown }).hint;
  return {
    part,
    outcome: 'fail',
    found: error instanceof Error ? error.message : String(error),
    ...(typeof hint === 'string' ? { remedy: hint } : {}),
  };
}

async function checkNetwork({ url }: Facts): Promise<Diagnosis> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { address } = await lookup(host).catch(() => {
    throw Object.assign(new Error(`\`${host}\` does not resolve`), {
      hint: 'check the name, and the DNS of this machine',
    });
  });
  const port = portOf(url);
  await new Promise<void>((resolve, reject) => {
    const socket = netConnect({ host: address, port, timeout: 5000 }, () => {
      socket.destroy();
      resolve();
    });
    const refuse = (reason: string): void => {
      socket.destroy();
      reject(
        Object.assign(new Error(`${address}:${port}: ${reason}`), {
          hint: `start it there: assay serve --listen ${url.host}; or correct --server`,
        }),
      );
    };
    socket.on('timeout', () => refuse('no answer in 5 s'));
    socket.on('error', (error) => refuse((error as NodeJS.ErrnoException).code ?? error.message));
  });
  return {
    part: 'network',
    outcome: 'pass',
    found: `port ${port} of ${address === host ? host : `${host} (${address})`} is open`,
  };
}

async function checkTls({ url, ca }: Facts): Promise<Diagnosis> {
  if (url.protocol === 'http:') {
    return {
      part: 'tls',
      outcome: 'warn',
      found: 'plain HTTP: tokens cross the network readable',
      remedy: 'serve without --insecure-http',
    };
  }
  const { protocol, validTo } = await new Promise<{ protocol: string; validTo: string }>((resolve, reject) => {
    const socket = tlsConnect(
      {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: portOf(url),
        timeout: 5000,
        ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      },
      () => {
        resolve({ protocol: socket.getProtocol() ?? 'unknown', validTo: socket.getPeerCertificate().valid_to });
        socket.destroy();
      },
    );
    socket.on('timeout', () => socket.destroy(new Error('no TLS answer in 5 s; is the URL http instead of https?')));
    socket.on('error', (error) =>
      reject(
        Object.assign(new Error(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`.trim()), {
          hint: 'give its CA with --cert-file, or log in again: assay login',
        }),
      ),
    );
  });
  const days = Math.floor((new Date(validTo).getTime() - Date.now()) / 86_400_000);
  const found = `${protocol}, certificate ends in ${days} days`;
  return days < 14
    ? { part: 'tls', outcome: 'warn', found, remedy: 'renew the server certificate' }
    : { part: 'tls', outcome: 'pass', found };
}

async function checkClock(facts: Facts): Promise<Diagnosis> {
  const before = Date.now();
  const answer = await call({
    method: 'GET',
    url: `${facts.url.origin}/healthz`,
    ...(facts.ca === undefined ? {} : { ca: facts.ca }),
  });
  const date = new Date(answer.headers.date ?? '');
  if (Number.isNaN(date.getTime())) return { part: 'clock', outcome: 'not-checked', found: 'the server sends no Date' };
  // Date has whole seconds, so up to one second apart is the same.
  const seconds = Math.round((date.getTime() - (before + Date.now()) / 2) / 1000);
  const found =
    Math.abs(seconds) <= 1
      ? 'the server’s clock agrees with this one'
      : `the server’s clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} this one`;
  if (Math.abs(seconds) <= 5) return { part: 'clock', outcome: 'pass', found };
  return {
    part: 'clock',
    outcome: Math.abs(seconds) > 60 ? 'fail' : 'warn',
    found,
    remedy: 'set both clocks by NTP (`chronyc makestep`)',
  };
}

async function checkReady(facts: Facts): Promise<Diagnosis> {
  const answer = await call({
    method: 'GET',
    url: `${facts.url.origin}/readyz`,
    ...(facts.ca === undefined ? {} : { ca: facts.ca }),
  });
  if (answer.status === 200) {
    const { development = [] } = JSON.parse(answer.body.toString('utf8')) as { development?: string[] };
    if (development.length > 0)
      return {
        part: 'ready',
        outcome: 'warn',
        found: `development mode ${development.join(', ')} is on: guests without attestation get tokens, and no secret`,
        remedy: 'take [development] out of the settings of a server that keeps real secrets',
      };
    return { part: 'ready', outcome: 'pass', found: 'storage, keys, signer and policies answer' };
  }
  if (answer.status !== 503)
    return {
      part: 'ready',
      outcome: 'fail',
      found: `/readyz answers ${answer.status}`,
      remedy: 'is this an Assay server?',
    };
  const { out } = JSON.parse(answer.body.toString('utf8')) as { out: string[] };
  return {
    part: 'ready',
    outcome: 'fail',
    found: `out: ${out.join(', ')}`,
    remedy: 'the server’s log says more; each id is explained in docs/reference/findings.md',
  };
}

async function checkKeys(facts: Facts): Promise<Diagnosis> {
  const answer = await call({
    method: 'GET',
    url: `${facts.url.origin}/.well-known/jwks.json`,
    ...(facts.ca === undefined ? {} : { ca: facts.ca }),
  });
  const { keys } = JSON.parse(answer.body.toString('utf8')) as { keys: unknown[] };
  if (keys.length === 0)
    return {
      part: 'keys',
      outcome: 'warn',
      found: 'no key verifies this server’s tokens',
      remedy: 'is the Attestation Service a remote one that publishes no keys?',
    };
  return {
    part: 'keys',
    outcome: 'pass',
    found: keys.length === 1 ? 'one key verifies attestation tokens' : `${keys.length} keys verify attestation tokens`,
  };
}

async function checkAdmin(facts: Facts): Promise<Diagnosis> {
  if (facts.token === undefined)
    return { part: 'admin', outcome: 'not-checked', found: 'no admin token is known here', remedy: 'assay login' };
  const answer = await call({
    method: 'GET',
    url: `${facts.url.origin}/api/v1/session`,
    headers: { authorization: `Bearer ${facts.token}` },
    ...(facts.ca === undefined ? {} : { ca: facts.ca }),
  });
  if (answer.status === 200) {
    const { subject, role } = JSON.parse(answer.body.toString('utf8')) as { subject: string; role: string };
    return { part: 'admin', outcome: 'pass', found: `the token is good: ${subject}, role ${role}` };
  }
  return {
    part: 'admin',
    outcome: 'fail',
    found: `the token is refused (status ${answer.status})`,
    remedy: 'assay login --token-file FILE',
  };
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}
