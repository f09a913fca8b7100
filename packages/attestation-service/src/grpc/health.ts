/** The gRPC health checking protocol (grpc.health.v1), as probes of Kubernetes and peers of the field ask it. */
import {
  create,
  type GrpcServiceDefinition,
  grpcServiceDefinition,
  Health,
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
} from '@assay/protocol/grpc';
import { type handleServerStreamingCall, type handleUnaryCall, type Server, status } from '@grpc/grpc-js';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** Whether a service can answer; by its full name (`attestation.AttestationService`). The empty name asks for all. */
export type HealthOf = { readonly [service: string]: () => Promise<boolean> };

interface HealthHandlers {
  readonly check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse>;
  readonly watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse>;
}

/** How often a watcher's service is looked at, milliseconds. */
const WATCH_INTERVAL = 5000;

export const healthDefinition: GrpcServiceDefinition<typeof Health> = grpcServiceDefinition(Health);

function healthHandlers(services: HealthOf): HealthHandlers {
  const statusOf = async (service: string): Promise<number | undefined> => {
    const checks =
      service === '' ? Object.values(services) : Object.hasOwn(services, service) ? [services[service]] : [];
    if (checks.length === 0) return undefined;
    const answers = await Promise.all(checks.map((check) => check?.().catch(() => false)));
    return answers.every((answer) => answer === true) ? SERVING : NOT_SERVING;
  };
  return {
    check(call, callback) {
      void statusOf(call.request.service).then((answer) => {
        if (answer === undefined) callback({ code: status.NOT_FOUND, details: 'unknown service' });
        else callback(null, create(HealthCheckResponseSchema, { status: answer }));
      });
    },
    watch(call) {
      let last: number | undefined;
      const look = async (): Promise<void> => {
        const answer = (await statusOf(call.request.service)) ?? SERVICE_UNKNOWN;
        if (answer !== last && !call.cancelled) call.write(create(HealthCheckResponseSchema, { status: answer }));
        last = answer;
      };
      const timer = setInterval(() => void look(), WATCH_INTERVAL);
      call.on('cancelled', () => {
        clearInterval(timer);
        call.end();
      });
      void look();
    },
  };
}

/** Adds the service to a server. */
export function addHealthService(server: Server, services: HealthOf): void {
  server.addService(healthDefinition, { ...healthHandlers(services) });
}
