import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import type { Transport } from '@assay/guest';
import { defaultSettings, type RunningServer, startServer } from '@assay/server';
import { httpTransport } from '../client/broker.js';
import { type AdminClient, adminClient } from '../client/server.js';

/** A whole Assay of its own in a temporary folder, over real HTTPS. */
export interface DemoWorld {
  readonly server: RunningServer;
  readonly url: string;
  readonly owner: AdminClient;
  /** The owner's tools without the owner's token. */
  readonly stranger: AdminClient;
  /** How a guest reaches the broker. */
  readonly transport: Transport;
  close(): Promise<void>;
}

export async function createWorld(): Promise<DemoWorld> {
  const dataDir = mkdtempSync(join(tmpdir(), 'assay-demo-'));
  const defaults = defaultSettings();
  const settings = {
    ...defaults,
    http: { ...defaults.http, listen: ['127.0.0.1:0'] },
    log: { level: 'silent' as const },
  };
  const server = await startServer({ settings, dataDir });
  const url = server.urls[0] ?? '';
  const ca = server.certificate?.certificate;
  // Nothing of the user's: neither their credentials nor their environment takes part in the demo.
  const environment = { ASSAY_CONFIG_HOME: join(dataDir, 'owner') };
  const tools = (token: string | undefined): AdminClient =>
    adminClient({ server: url }, { ...environment, ...(token === undefined ? {} : { ASSAY_TOKEN: token }) }, ca);
  return {
    server,
    url,
    owner: tools(server.adminToken),
    stranger: tools(undefined),
    transport: httpTransport(url, ca, 'assay-demo/0.1.0'),
    close: async () => {
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
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
