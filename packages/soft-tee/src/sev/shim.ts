/** What the Kata shim does between key broker and firmware: bundle, launch, measure, secret, injection. */
import { decodeBase64, encodeBase64 } from '@assay/bytes';
import { parseSecretTable } from '@assay/evidence/sev';
import { EmulatedSevFirmware, type EmulatedSevGuest } from './firmware.js';
import type { SevPlatform } from './platform.js';

/** The key broker as a shim calls it; texts are those of the gRPC messages. */
export interface SevKeyBrokerClient {
  getBundle(request: { readonly certificateChain: string; readonly policy: number }): Promise<{
    readonly guestOwnerPublicKey: string;
    readonly launchBlob: string;
    readonly launchId: string;
  }>;
  getSecret(
    request: SevSecretRequest,
  ): Promise<{ readonly launchSecretHeader: string; readonly launchSecretData: string }>;
}

export interface SevSecretRequest {
  readonly launchMeasurement: string;
  readonly launchId: string;
  readonly policy: number;
  readonly apiMajor: number;
  readonly apiMinor: number;
  readonly buildId: number;
  readonly fwDigest: string;
  readonly launchDescription: string;
  readonly secretRequests: readonly SevSecretDetails[];
}

export interface SevSecretDetails {
  readonly guid: string;
  readonly format: string;
  readonly secretType: string;
  readonly id: string;
}

/** A launch that waits for its secret. */
export interface StartedLaunch {
  readonly guest: EmulatedSevGuest;
  readonly launchId: string;
  /** Request that an honest shim sends; a test changes what it likes. */
  readonly request: Omit<SevSecretRequest, 'secretRequests'>;
}

export interface LaunchOptions {
  readonly platform: SevPlatform;
  readonly broker: SevKeyBrokerClient;
  readonly random: (bytes: number) => Uint8Array;
  /** Guest policy: 3 for SEV, 7 for SEV-ES. */
  readonly policy: number;
  /** SHA-256 of what is launched. */
  readonly digest: Uint8Array;
  /** What the shim says was launched; default: what was. */
  readonly claimedDigest?: Uint8Array;
}

/** From GetBundle to the measurement. */
export async function startLaunch(options: LaunchOptions): Promise<StartedLaunch> {
  const { platform, broker, random, policy, digest, claimedDigest = digest } = options;
  const bundle = await broker.getBundle({ certificateChain: encodeBase64(platform.chain), policy });
  const firmware = new EmulatedSevFirmware(platform, random);
  const guest = firmware.launchStart(policy, decodeBase64(bundle.guestOwnerPublicKey), decodeBase64(bundle.launchBlob));
  const measurement = guest.measure(digest);
  const { major, minor, build } = firmware.version;
  return {
    guest,
    launchId: bundle.launchId,
    request: {
      launchMeasurement: encodeBase64(measurement),
      launchId: bundle.launchId,
      policy,
      apiMajor: major,
      apiMinor: minor,
      buildId: build,
      fwDigest: encodeBase64(claimedDigest),
      launchDescription: 'shim launch',
    },
  };
}

/** The whole way: what the guest's kernel then shows under `/sys/kernel/security/secrets/coco`, by GUID. */
export async function launchWithSecrets(
  options: LaunchOptions,
  secretRequests: readonly SevSecretDetails[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { guest, request } = await startLaunch(options);
  const { launchSecretHeader, launchSecretData } = await options.broker.getSecret({ ...request, secretRequests });
  const memory = guest.injectSecret(decodeBase64(launchSecretHeader), decodeBase64(launchSecretData));
  return new Map(parseSecretTable(memory).map(({ guid, payload }) => [guid, payload]));
}
