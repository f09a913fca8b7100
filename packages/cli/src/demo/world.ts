import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { Transport } from '@assay/guest';
import { type WorkFolder, workFolder } from '@assay/oci';
import { defaultSettings, type RunningServer, startServer } from '@assay/server';
import { createTestWorld, startEmulatedPcs, type TestWorld } from '@assay/soft-tee';
import { httpTransport } from '../client/broker.js';
import { type AdminClient, adminClient } from '../client/server.js';

/** A whole Assay of its own in a temporary folder, over real HTTPS, with emulated hardware and its vendor's service. */
export interface DemoWorld {
  /** Everything that the demo writes is below it, and goes with it. */
  readonly folder: string;
  /** Emulated TDX machines, and who vouches for them. */
  readonly hardware: TestWorld;
  /** Where the emulated vendor publishes TCB info, identities and revocation lists. */
  readonly vendorUrl: string;
  readonly server: RunningServer;
  readonly url: string;
  /** PEM of the server's certificate. */
  readonly ca: string | undefined;
  /** Of the owner. */
  readonly token: string;
  readonly owner: AdminClient;
  /** The owner's tools without the owner's token. */
  readonly stranger: AdminClient;
  /** How a guest reaches the broker. */
  readonly transport: Transport;
  close(): Promise<void>;
}

export async function createWorld(): Promise<DemoWorld> {
  const own = await workFolder(join(tmpdir(), 'assay-demo-'));
  return worldIn(own).catch(async (error: unknown) => {
    await own.remove();
    throw error;
  });
}

async function worldIn(own: WorkFolder): Promise<DemoWorld> {
  const folder = own.path;
  const hardware = createTestWorld({ now: () => new Date(), random: (length) => randomBytes(length) });
  revokeMachine(hardware);
  const vendor = await startEmulatedPcs(hardware, { kind: 'pccs' });
  const testRoot = join(folder, 'emulated-root.pem');
  writeFileSync(testRoot, hardware.intel.pki.root().pem);
  const dataDir = join(folder, 'data');
  const defaults = defaultSettings();
  const settings = {
    ...defaults,
    http: { ...defaults.http, listen: ['127.0.0.1:0'] },
    log: { level: 'silent' as const },
    collateral: { ...defaults.collateral, pccs: [vendor.url], intel_pcs: 'off', amd_kds: 'off', allow_http: true },
    trust: { emulated_roots: [testRoot] },
  };
  const server = await startServer({ settings, dataDir }).catch(async (error: unknown) => {
    await vendor.close();
    throw error;
  });
  const url = server.urls[0] ?? '';
  const ca = server.certificate?.certificate;
  // Nothing of the user's: neither their credentials nor their environment takes part in the demo.
  const environment = { ASSAY_CONFIG_HOME: join(folder, 'owner') };
  const tools = (token: string | undefined): AdminClient =>
    adminClient({ server: url }, { ...environment, ...(token === undefined ? {} : { ASSAY_TOKEN: token }) }, ca);
  const token = server.adminToken;
  if (token === undefined) throw new Error('the server has made no administrator');
  return {
    folder,
    ca,
    token,
    hardware,
    vendorUrl: vendor.url,
    server,
    url,
    owner: tools(token),
    stranger: tools(undefined),
    transport: httpTransport(url, ca, 'assay-demo/0.1.0'),
    close: async () => {
      await server.close();
      await vendor.close();
      await own.remove();
    },
  };
}

/** The machine whose certificate the vendor has revoked, from the beginning. */
export const REVOKED_MACHINE = 'machine-revoked';

function revokeMachine({ intel }: TestWorld): void {
  const { serial } = intel.pckCertificate(intel.platform(REVOKED_MACHINE)).fields;
  intel.orders = { ...intel.orders, revoked: [serial] };
}

/** A transport through which somebody in the middle changes or keeps what the guest sends to `attest`. */
export function tapped(
  transport: Transport,
  change: (body: JsonObject) => JsonObject | Promise<JsonObject>,
): Transport {
  return async (request) => {
    if (request.path !== '/kbs/v0/attest' || request.body === undefined) return transport(request);
    const body = parseJsonStrict(request.body);
    if (!isJsonObject(body)) return transport(request);
    return transport({ ...request, body: Buffer.from(JSON.stringify(await change(body))) });
  };
}
