import cluster from 'node:cluster';
import {
  type ConfigIssue,
  fatalIssues,
  loadConfig,
  type Role,
  type RunningServer,
  renderIssue,
  type Settings,
  startServer,
} from '@assay/server';
import { configHome, rememberServer } from '../client/config-home.js';
import type { CommonFlags } from '../command.js';
import { outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../terminal/output.js';
import { styled } from '../terminal/style.js';

export type ServeFlags = CommonFlags & {
  config?: string;
  dataDir: string;
  listen?: string[];
  grpcListen?: string;
  insecureHttp?: boolean;
};

/** Runs a server until it is told to stop. */
export async function serve(role: Role, flags: ServeFlags, defaults: Readonly<Record<string, unknown>>): Promise<void> {
  const output = outputOf(flags);
  const settings = settingsOf(flags, defaults, output);
  if (settings.http.workers > 1 && cluster.isPrimary) {
    await superviseWorkers(role, settings, flags, output);
    return;
  }
  const server = await startServer({ settings, dataDir: flags.dataDir, role });
  await announced(server, () => announce(server, role, output));
  await untilStopped(server, output);
}

function settingsOf(flags: ServeFlags, defaults: Readonly<Record<string, unknown>>, output: Output): Settings {
  const given = {
    ...(flags.listen === undefined ? {} : { 'http.listen': flags.listen }),
    ...(flags.grpcListen === undefined ? {} : { 'grpc.listen': flags.grpcListen }),
    ...(flags.insecureHttp === true ? { 'http.insecure_http': true } : {}),
  };
  const { settings, issues } = loadConfig({
    ...(flags.config === undefined ? {} : { file: flags.config }),
    env: process.env,
    flags: given,
    defaults,
  });
  if (cluster.isPrimary) reportIssues(issues, output);
  if (settings === undefined) {
    throw new CliError(`the configuration has ${fatalIssues(issues).length} fault(s)`, EXIT.usage, {
      hint: 'nothing was started; check it with: assay config check FILE',
      data: { issues },
    });
  }
  return settings;
}

/** Every issue on its own line: what stops the start in red, the rest in yellow. */
export function reportIssues(issues: readonly ConfigIssue[], output: Output): void {
  const fatal = new Set(fatalIssues(issues));
  for (const issue of issues) {
    const mark = fatal.has(issue) ? styled(output.err, 'red', 'fault') : styled(output.err, 'yellow', 'warning');
    output.note(`${mark}  ${renderIssue(issue)}`);
  }
}

/** A server whose owner cannot be told goes down again, and takes the token that nobody has with it. */
async function announced(server: RunningServer, announce: () => void): Promise<void> {
  try {
    announce();
  } catch (error) {
    await server.abandon();
    throw error;
  }
}

function announce(server: RunningServer, role: Role, output: Output): void {
  const [url = ''] = server.urls;
  const ca = server.certificate?.selfSigned === true ? server.certificate.certificate : undefined;
  // Every start: the port or the certificate may be new, and the remembered token stays as it is.
  if (server.adminToken !== undefined || ca !== undefined) {
    rememberServer(configHome(), url, {
      ...(server.adminToken === undefined ? {} : { token: server.adminToken }),
      ...(ca === undefined ? {} : { ca }),
    });
  }
  output.result(
    {
      role,
      urls: server.urls,
      ...(server.grpc === undefined ? {} : { grpc: server.grpc }),
      ...(server.certificate === undefined
        ? {}
        : { certificate: { fingerprint: server.certificate.fingerprint, selfSigned: server.certificate.selfSigned } }),
      ...(server.adminToken === undefined ? {} : { admin: configHome() }),
    },
    (out) => {
      out.write(
        `${styled(out, 'green', 'ready')}  ${server.urls.join('  ')}${server.grpc === undefined ? '' : `  gRPC ${server.grpc}`}\n`,
      );
      if (server.certificate?.selfSigned === true)
        out.write(`       self-signed certificate, SHA-256:\n       ${server.certificate.fingerprint}\n`);
      if (server.adminToken !== undefined) {
        out.write(`       first start: an admin token was made and kept in ${configHome()} (0600)\n`);
        out.write(`       use it with: ${styled(out, 'cyan', `assay login --server ${url}`)}\n`);
      }
    },
  );
}

/** Waits for SIGTERM or SIGINT, then drains. A second signal ends at once. */
async function untilStopped(server: RunningServer, output: Output): Promise<void> {
  await new Promise<void>((resolve) => {
    let stopping = false;
    const stop = (): void => {
      if (stopping) process.exit(EXIT.done);
      stopping = true;
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('disconnect', stop);
  });
  output.note('stopping: requests under way may finish');
  await server.close();
  // The channel to the supervisor would keep a worker alive that has nothing left to do.
  if (process.connected) cluster.worker?.disconnect();
}

/** Starts the first worker alone, so that what a first start makes is made once; then the others. A worker that dies is replaced. */
async function superviseWorkers(role: Role, settings: Settings, flags: ServeFlags, output: Output): Promise<void> {
  if (settings.storage.backend === 'memory') {
    throw new CliError('several workers need a storage back end they can share', EXIT.usage, {
      hint: 'use sqlite or postgres, or http.workers = 1',
    });
  }
  // A first start of its own, without listening: makes keys, certificate and admin token.
  const first = await startServer({ settings, dataDir: flags.dataDir, role, quiet: true });
  const urls = settings.http.listen.map((address) => `${settings.http.insecure_http ? 'http' : 'https'}://${address}`);
  await announced(first, () => announce({ ...first, urls }, role, output));
  await first.close();
  let stopping = false;
  const fork = (): void => {
    cluster.fork().on('exit', (code) => {
      if (stopping) return;
      output.note(`a worker ended with code ${code}; starting another`);
      setTimeout(fork, 500);
    });
  };
  for (let n = 0; n < settings.http.workers; n++) fork();
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      stopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
      resolve();
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
}
