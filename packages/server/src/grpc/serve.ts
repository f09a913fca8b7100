import { addAttestationService, addHealthService } from '@assay/attestation-service';
import { addReferenceService, bearerAuthentication } from '@assay/rvps';
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
  const trusted = writersOf(settings.grpc);
  const { attestation, role } = services;
  const values = services.rvps ?? attestation?.referenceValues;
  const health: Record<string, () => Promise<boolean>> = {};
  const isReady = async (): Promise<boolean> => (await services.readiness()).length === 0;
  if (attestation !== undefined) {
    // Where key brokers have a token, whoever else reaches the port learns no reference values.
    const verdicts = typeof trusted === 'function' ? trusted : true;
    addAttestationService(server, attestation, { policies: trusted, verdicts, onDefect: options.onDefect });
    health['attestation.AttestationService'] = isReady;
  }
  if (values !== undefined) {
    addReferenceService(server, values, {
      now: () => options.now().getTime(),
      registration: trusted,
      face: role === 'rvps' ? 'rvps' : 'attestation-service',
      onDefect: options.onDefect,
    });
    // Upstream's Attestation Service marks only itself as serving; its RVPS face goes with it.
    if (role === 'rvps') health['reference.ReferenceValueProviderService'] = isReady;
  }
  addHealthService(server, health);
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

/** Who may change what is trusted over gRPC: nobody, unless a token is set or the owner asks for everybody by name. */
function writersOf(
  grpc: Settings['grpc'],
): 'refuse' | 'insecure-allow-anyone' | ReturnType<typeof bearerAuthentication> {
  if (grpc.token !== undefined) return bearerAuthentication([{ token: grpc.token, subject: 'grpc.token' }]);
  return grpc.insecure_registration ? 'insecure-allow-anyone' : 'refuse';
}
