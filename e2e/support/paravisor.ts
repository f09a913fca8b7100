/** What surrounds the vTPM of an Azure confidential VM: a paravisor that renews the HCL report, and the metadata service. */
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { encodePem } from '@assay/bytes';
import { publicKeyOf } from '@assay/evidence/tpm';
import { AZURE } from '@assay/guest';
import { defineNv, NV, openTransport, readPublicKey, Tpm, writeNv } from '@assay/guest/tpm';
import { azSnpEvidence, azTdxEvidence, encodeHclReport, runtimeHash, type TestWorld } from '@assay/soft-tee';
import type { SoftwareTpm } from './swtpm.js';

export interface AzureVm {
  /** Address of the vTPM as the guest sees it. */
  readonly address: string;
  /** URL of the metadata service. */
  readonly metadata: string;
  close(): Promise<void>;
}

const NV_WRITE = 0x137;
/** Azure's index has 2600 bytes; swtpm has no larger one than this. What is cut off is padding. */
const NV_SIZE = 2048;
const HEADER = { magic: 'HCLA', version: 2, requestType: 2, status: 0, runtimeVersion: 1, hashType: 1 } as const;
const bytesOf = (text: unknown): Uint8Array => Uint8Array.from(Buffer.from(String(text), 'base64url'));

/**
 * Puts a real TPM into an emulated VM. Its attestation key has to be at the handle that Azure uses.
 *
 * @param stale the paravisor never renews its report
 */
export async function azureVm(
  kind: 'snp' | 'tdx',
  world: TestWorld,
  device: SoftwareTpm,
  socket: string,
  options: { readonly stale?: boolean } = {},
): Promise<AzureVm> {
  const { address } = device;
  const ak = await device.use(async (tpm) => {
    await defineNv(tpm, AZURE.hclReport, NV_SIZE, NV.ownerRead | NV.ownerWrite | NV.authRead | NV.authWrite);
    return publicKeyOf((await readPublicKey(tpm, AZURE.attestationKey)).publicArea).export({ format: 'jwk' });
  });
  const reportWith = (userData: Uint8Array): Uint8Array => {
    const runtime = Buffer.from(
      JSON.stringify({
        keys: [{ kid: 'HCLAkPub', key_ops: ['sign'], kty: 'RSA', e: ak.e, n: ak.n }],
        'vm-configuration': { 'secure-boot': true },
        'user-data': Buffer.from(userData).toString('hex').toUpperCase(),
      }),
    );
    const bound = runtimeHash(runtime);
    const made = kind === 'snp' ? azSnpEvidence(world, userData, { bound }) : azTdxEvidence(world, userData, { bound });
    const hardware = bytesOf(made['hcl_report']).subarray(32, 32 + 1184);
    const report = encodeHclReport({ ...HEADER, reportType: kind === 'snp' ? 2 : 4 }, hardware, runtime);
    return report.subarray(0, NV_SIZE);
  };
  await device.use((tpm) => writeNv(tpm, AZURE.hclReport, reportWith(new Uint8Array(64))));
  const bus = createServer((guest) => serveGuest(guest, address, options.stale === true ? undefined : reportWith));
  await new Promise<void>((resolve) => bus.listen(socket, resolve));
  const metadata = await metadataService(kind, world);
  return {
    address: `unix:${socket}`,
    metadata: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise((resolve) => bus.close(resolve));
      await new Promise((resolve) => metadata.close(resolve));
    },
  };
}

/** Passes commands on; what the guest writes as user-data goes into a new report, a moment later. */
function serveGuest(
  guest: Socket,
  address: string,
  reportWith: ((userData: Uint8Array) => Uint8Array) | undefined,
): void {
  const upstream = openTransport(address);
  let last: Promise<void> = Promise.resolve();
  guest.on('error', () => undefined);
  guest.on('data', (command: Buffer) => {
    last = last.then(async () => {
      const transport = await upstream;
      const response = Buffer.from(await transport.transmit(command));
      const writes = command.readUInt32BE(6) === NV_WRITE && command.readUInt32BE(14) === AZURE.userData;
      if (writes && response.readUInt32BE(6) === 0 && reportWith !== undefined) {
        const userData = Uint8Array.from(command.subarray(command.length - 66, command.length - 2));
        await writeNv(new Tpm(transport), AZURE.hclReport, reportWith(userData));
      }
      guest.write(response);
    });
  });
  guest.on('close', () => void last.then(async () => (await upstream).close()));
}

/** Azure's instance metadata service. */
async function metadataService(kind: 'snp' | 'tdx', world: TestWorld): Promise<Server> {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answerOf(`${request.method} ${request.url}`, Buffer.concat(chunks).toString());
      const known = request.headers['metadata'] === 'true' && answer !== undefined;
      response.writeHead(known ? 200 : 404).end(JSON.stringify(known ? answer : {}));
    });
  });
  const answerOf = (what: string, body: string): object | undefined => {
    if (kind === 'snp' && what === 'GET /metadata/THIM/amd/certification') {
      return { vcekCert: encodePem('CERTIFICATE', bytesOf(azSnpEvidence(world, new Uint8Array(64))['vcek'])) };
    }
    if (kind === 'tdx' && what === 'POST /acc/tdquote') {
      const report = Buffer.from((JSON.parse(body) as { report: string }).report, 'base64url');
      const bound = Uint8Array.from(report.subarray(128, 192));
      const quote = bytesOf(azTdxEvidence(world, new Uint8Array(64), { bound })['td_quote']);
      return { quote: Buffer.from(quote).toString('base64url') };
    }
    return undefined;
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
