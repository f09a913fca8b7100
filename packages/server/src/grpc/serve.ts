import { addReferenceService } from '@assay/rvps';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Services } from '../compose/services.js';
import type { Settings } from '../config/schema.js';
import type { ServerCertificate } from '../http/self-signed.js';

/** The CoCo gRPC interfaces of one process. */
export interface GrpcFace {
  /** `host:port` that is listened on. */
  readonly address: string;
  /** Lets calls under way finish. */
  close(): Promise<void>;
  /** Cuts calls under way. */
  cut(): void;
}

/** Largest message in either direction; the limit of upstream's stack. */
const largestMessage = 4 * 1024 * 1024;

/** Serves `AttestationService` and `ReferenceValueProviderService` on one address. */
export async function serveGrpc(options: {
  readonly address: string;
  readonly services: Services;
  readonly settings: Settings;
  /** Absent: no TLS. */
  readonly certificate?: ServerCertificate;
  readonly now: () => Date;
  readonly onDefect: (error: unknown) => void;
}): Promise<GrpcFace> {
  const { services, settings, certificate } = options;
  const server = new Server({
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage,
  });
  const registration = settings.grpc.insecure_registration ? 'insecure-allow-anyone' : 'refuse';
  const values = services.rvps ?? services.attestation?.referenceValues;
  if (values !== undefined) {
    addReferenceService(server, values, {
      now: () => options.now().getTime(),
      registration,
      face: services.role === 'rvps' ? 'rvps' : 'attestation-service',
      onDefect: options.onDefect,
    });
  }
  const credentials =
    certificate === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(certificate.certificate), private_key: Buffer.from(certificate.privateKey) },
        ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(options.address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    address: options.address.replace(/:\d+$/, `:${port}`),
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
    cut: () => server.forceShutdown(),
  };
}
