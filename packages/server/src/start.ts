import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FindingDraft } from '@assay/bytes/findings';
import { assayError } from '@assay/bytes/findings';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { openServices, type Role, type Services } from './compose/services.js';
import { hostOf, serverCertificate, type World } from './compose/state.js';
import type { Settings } from './config/schema.js';
import { type GrpcFace, serveGrpc } from './grpc/serve.js';
import { serveSev } from './grpc/serve-sev.js';
import { mountRoutes } from './http/mount.js';
import type { ServerCertificate } from './http/self-signed.js';
import { createLogger } from './logging.js';
import { createMetrics } from './metrics/metrics.js';
import { routeTable } from './routes/table.js';
import { VERSION } from './version.js';

export interface StartOptions {
  readonly settings: Settings;
  /** Folder of database and keys. */
  readonly dataDir: string;
  /** Default: all services in one process. */
  readonly role?: Role;
  /** Makes what a first start makes (keys, certificate, admin token) and listens nowhere. */
  readonly quiet?: true;
  /** Default: the real clock and random source. */
  readonly world?: World;
  readonly logger?: FastifyBaseLogger;
}

/** A server that answers. */
export interface RunningServer {
  /** `https://127.0.0.1:8080`, one for each address. */
  readonly urls: readonly string[];
  /** Address of the gRPC face, where there is one. */
  readonly grpc?: string;
  /** Address of SEV pre-attestation, where it is on. */
  readonly sev?: string;
  /** Present with TLS. */
  readonly certificate?: ServerCertificate & { readonly selfSigned: boolean };
  /** The admin token, when this start was the first one of its data. Secret. */
  readonly adminToken?: string;
  readonly services: Services;
  /** Lets requests under way finish, then closes everything. May be called twice. */
  close(): Promise<void>;
  /** Closes a server whose admin token could not be kept; the next start makes another one. */
  abandon(): Promise<void>;
}

const realWorld: World = { now: () => new Date(), random: (length) => randomBytes(length) };

/** Seconds between sweeps of what has expired. */
const sweepSeconds = 60;

/** Starts a server: services, faces, sweeps. Fails with an AssayError that says which part could not start and why. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { settings, dataDir } = options;
  const role = options.role ?? 'all';
  const world = options.world ?? realWorld;
  const logger = options.logger ?? createLogger(settings.log);
  const metrics = createMetrics({ version: VERSION });
  const warn = (finding: Pick<FindingDraft, 'id' | 'title' | 'remedy'>): void =>
    logger.warn({ code: finding.id, remedy: finding.remedy }, finding.title ?? finding.id);
  const services = await openServices({ settings, dataDir, role, world, metrics, warn });
  const open: { http: FastifyInstance[]; grpc?: GrpcFace; sev?: GrpcFace } = { http: [] };
  try {
    const certificate = settings.http.insecure_http
      ? undefined
      : await serverCertificate(settings, services.storage, services.keys, world);
    const routes = routeTable({ services, metrics, settings, version: VERSION, warn });
    const urls: string[] = [];
    for (const address of options.quiet ? [] : settings.http.listen) {
      const app = await mountRoutes(routes, {
        http: settings.http,
        ...(certificate === undefined ? {} : { tls: certificate }),
        ...(services.admin === undefined ? {} : { admin: services.admin }),
        metrics: metrics.http,
        logger,
      });
      open.http.push(app);
      urls.push(await listen(app, address, certificate === undefined ? 'http' : 'https'));
    }
    const grpcAddress = options.quiet ? undefined : settings.grpc.listen;
    if (grpcAddress !== undefined) {
      open.grpc = await serveGrpc({
        address: grpcAddress,
        services,
        settings,
        now: world.now,
        onDefect: (error) => logger.error({ err: error }, 'gRPC call failed'),
        ...(certificate === undefined ? {} : { certificate }),
      });
    }
    const sev = services.broker?.sev;
    if (sev !== undefined && settings.sev.listen !== undefined && !options.quiet) {
      open.sev = await serveSev({
        address: settings.sev.listen,
        broker: sev,
        onDefect: (error) => logger.error({ err: error }, 'SEV call failed'),
        ...(settings.sev.tls
          ? { certificate: certificate ?? (await serverCertificate(settings, services.storage, services.keys, world)) }
          : {}),
      });
    }
    const sweeper = setInterval(() => {
      services.sweep().catch((error: unknown) => logger.error({ err: error }, 'sweep failed'));
    }, sweepSeconds * 1000);
    sweeper.unref();
    const close = once(async () => {
      clearInterval(sweeper);
      await drain(open.http, [open.grpc, open.sev], settings.http.drain_timeout, logger);
      await services.close();
    });
    return {
      urls,
      services,
      ...(open.grpc === undefined ? {} : { grpc: open.grpc.address }),
      ...(open.sev === undefined ? {} : { sev: open.sev.address }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(services.first === undefined ? {} : { adminToken: services.first.token }),
      close,
      abandon: async () => {
        await services.first?.withdraw();
        await close();
      },
    };
  } catch (error) {
    await drain(open.http, [open.grpc, open.sev], 0, logger);
    await services.first?.withdraw().catch(() => undefined);
    await services.close();
    throw error;
  }
}

async function listen(app: FastifyInstance, address: string, scheme: string): Promise<string> {
  const port = Number(/:(\d{1,5})$/.exec(address)?.[1] ?? Number.NaN);
  if (!(port <= 65535)) {
    throw assayError('config.file.form', {
      params: {
        file: 'settings',
        line: '',
        key: 'http.listen',
        actual: `\`${address}\``,
        expected: 'HOST:PORT is wanted',
      },
    });
  }
  const host = hostOf(address);
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw assayError('net.port.free', { params: { address, reason: 'another process listens there' }, cause: error });
  }
  const bound = app.server.address() as AddressInfo;
  return `${scheme}://${bound.family === 'IPv6' ? `[${host}]` : host}:${bound.port}`;
}

/** New connections are refused at once; requests under way get `seconds` to finish. */
async function drain(
  http: readonly FastifyInstance[],
  grpc: readonly (GrpcFace | undefined)[],
  seconds: number,
  logger: FastifyBaseLogger,
): Promise<void> {
  const closing = Promise.all([...http.map((app) => app.close()), ...grpc.map((face) => face?.close())]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), seconds * 1000);
  });
  if ((await Promise.race([closing, late])) === 'late') {
    logger.warn(`requests did not finish in ${seconds} s; their connections are cut`);
    for (const app of http) app.server.closeAllConnections();
    for (const face of grpc) face?.cut();
    await closing;
  }
  clearTimeout(timer);
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}
