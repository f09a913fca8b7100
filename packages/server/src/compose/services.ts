import { readFileSync } from 'node:fs';
import {
  type AttestationBackend,
  AttestationService,
  type ConfiguredSigner,
  GrpcAttestationClient,
} from '@assay/attestation-service';
import { assayError, type Finding, type FindingDraft, keyed } from '@assay/bytes/findings';
import { systemTiming } from '@assay/collateral';
import { type AdminGuard, type KeyBroker, openAdminGuard, openKeyBroker } from '@assay/kbs';
import type { KeyManagement } from '@assay/kms';
import { GrpcReferenceValueClient, ReferenceValues } from '@assay/rvps';
import type { Storage } from '@assay/storage';
import type { Settings } from '../config/schema.js';
import { sevConfig } from '../config/tee/sev.js';
import type { Metrics } from '../metrics/metrics.js';
import { adminConfig, type FirstStart } from './admin.js';
import { CollateralAdministration } from './collateral.js';
import { emulatedRoots, VendorEndorsements } from './endorsements.js';
import { realSources } from './sources.js';
import { openKeys, openStorage, type World } from './state.js';
import { openTpm, refuseRemoteEnrolment, type TpmServices, trustedAks, withFreshKeys } from './tpm.js';
import { verifiersOf } from './verifiers.js';

/** Which services one process holds. */
export type Role = 'all' | 'kbs' | 'attestation-service' | 'rvps';

export interface Services {
  readonly role: Role;
  readonly storage: Storage;
  readonly keys: KeyManagement;
  /** The built-in RVPS; absent where a remote one is used. */
  readonly rvps?: ReferenceValues;
  readonly attestation?: AttestationBackend;
  readonly broker?: KeyBroker;
  /** Vendors' statements; absent where a remote Attestation Service keeps them. */
  readonly collateral?: CollateralAdministration;
  /** Attestation keys of TPMs; absent where a remote Attestation Service keeps them. */
  readonly tpm?: TpmServices;
  /** Lets administrators through; absent where nothing is administered over HTTP. */
  readonly admin?: AdminGuard;
  readonly first?: FirstStart;
  readonly readiness: () => Promise<readonly Finding[]>;
  readonly sweep: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface ServiceOptions {
  readonly settings: Settings;
  readonly dataDir: string;
  readonly role: Role;
  readonly world: World;
  readonly metrics: Metrics;
  readonly warn: (finding: Pick<FindingDraft, 'id' | 'title' | 'remedy'>) => void;
}

/** Opens storage, keys and the services of a role, in the order in which they need each other. */
export async function openServices(options: ServiceOptions): Promise<Services> {
  const { settings, dataDir, role, world } = options;
  if (servesGuests(role)) refuseRemoteEnrolment(settings);
  const storage = await openStorage(settings, dataDir, world);
  let first: FirstStart | undefined;
  try {
    const keys = await openKeys(dataDir, storage, world);
    const rvps = needsReferenceValues(role, settings)
      ? new ReferenceValues({ storage, now: () => world.now().getTime() })
      : undefined;
    const endorsements =
      role === 'rvps' || settings.attestation_service.type === 'grpc' ? undefined : openEndorsements(options, storage);
    const tpm = endorsements === undefined ? undefined : openTpm(settings.tpm, storage, world);
    const attestation =
      role === 'rvps' ? undefined : await openAttestation(options, storage, keys, { rvps, endorsements, tpm });
    const admin =
      attestation !== undefined && servesGuests(role) ? await adminConfig(settings, storage, world) : undefined;
    first = admin?.first;
    const broker =
      attestation === undefined || admin === undefined || !servesGuests(role)
        ? undefined
        : await openKeyBroker({
            config: {
              sessionSeconds: settings.session.timeout * 60,
              admin: admin.config,
              token: settings.attestation_token,
              plugins: [{ name: 'resource' }, ...settings.plugins],
              audit: { days: settings.audit.retention, attempts: settings.audit.attempts },
              ...(settings.sev.listen === undefined ? {} : { sev: sevConfig(settings.sev) }),
            },
            storage,
            kms: keys,
            attestation,
            ownIssuer: settings.attestation_service.type === 'builtin',
            now: world.now,
            random: world.random,
            sources: realSources,
            metrics: options.metrics.kbs,
            warn: options.warn,
          });
    const guard =
      broker?.admin ??
      (admin === undefined
        ? undefined
        : await openAdminGuard({ config: admin.config, sources: realSources, now: world.now, warn: options.warn }));
    return {
      role,
      storage,
      keys,
      ...(rvps === undefined ? {} : { rvps }),
      ...(attestation === undefined ? {} : { attestation }),
      ...(broker === undefined ? {} : { broker }),
      ...(endorsements === undefined
        ? {}
        : {
            collateral: new CollateralAdministration({
              endorsements,
              storage,
              keys,
              settings: settings.collateral,
              now: world.now,
            }),
          }),
      ...(tpm === undefined ? {} : { tpm }),
      ...(guard === undefined ? {} : { admin: guard }),
      ...(first === undefined ? {} : { first }),
      readiness: () => readiness({ storage, broker, attestation }),
      sweep: async () => {
        await storage.sweep(world.now().getTime());
        await broker?.sweep();
      },
      close: async () => {
        await broker?.close();
        await attestation?.close();
        await storage.close();
      },
    };
  } catch (error) {
    // A start that comes to nothing gives its owner no token: it must not count as the first one.
    await first?.withdraw().catch(() => undefined);
    await storage.close();
    throw error;
  }
}

/** The built-in RVPS, where this process is to hold the values itself. */
function needsReferenceValues(role: Role, settings: Settings): boolean {
  if (role === 'rvps') return true;
  return settings.attestation_service.type === 'builtin' && settings.rvps.type === 'builtin';
}

function servesGuests(role: Role): boolean {
  return role === 'all' || role === 'kbs';
}

async function openAttestation(
  options: ServiceOptions,
  storage: Storage,
  keys: KeyManagement,
  parts: {
    readonly rvps: ReferenceValues | undefined;
    readonly endorsements: VendorEndorsements | undefined;
    readonly tpm: TpmServices | undefined;
  },
): Promise<AttestationBackend> {
  const { settings, world } = options;
  const { endorsements, rvps, tpm } = parts;
  const section = settings.attestation_service;
  const token = settings.grpc.token === undefined ? {} : { token: settings.grpc.token };
  if (section.type === 'grpc') return new GrpcAttestationClient({ address: section.address, now: world.now, ...token });
  const signer = configuredSigner(section);
  return AttestationService.open({
    storage,
    kms: keys,
    referenceValues: rvps ?? new GrpcReferenceValueClient({ address: settings.rvps.address, ...token }),
    verifiers: verifiersOf(settings, tpm === undefined ? undefined : trustedAks(tpm)),
    ...(endorsements === undefined
      ? {}
      : { endorsements: tpm === undefined ? endorsements : withFreshKeys(endorsements, tpm) }),
    now: world.now,
    random: world.random,
    token: {
      durationMinutes: section.duration,
      issuer: section.issuer,
      developer: section.developer,
      build: section.build,
      profile: section.profile,
    },
    verboseToken: section.verbose_token,
    ...(signer === undefined ? {} : { signer }),
  });
}

function openEndorsements({ settings, world }: ServiceOptions, storage: Storage): VendorEndorsements {
  return new VendorEndorsements({
    settings: settings.collateral,
    csv: settings.csv,
    cca: settings.cca,
    nvidia: settings.nvidia,
    emulatedRoots: emulatedRoots(settings.trust),
    storage,
    timing: { ...systemTiming, now: () => world.now().getTime() },
  });
}

function configuredSigner(section: Settings['attestation_service']): ConfiguredSigner | undefined {
  const { signer_key: key, signer_certificate: chain, signer_certificate_url: url } = section;
  if (key === undefined) return undefined;
  return {
    keyPem: readSetting('attestation_service.signer_key', key),
    ...(chain === undefined ? {} : { chainPem: readSetting('attestation_service.signer_certificate', chain) }),
    ...(url === undefined ? {} : { certUrl: url }),
  };
}

function readSetting(key: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const actual = `${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw assayError('config.file.form', {
      params: { file: 'settings', line: '', key, actual, expected: 'a readable PEM file is wanted' },
      cause: error,
    });
  }
}

/** What stands in the way of answering: the broker asks everything below it; without one the parts are asked directly. */
async function readiness(parts: {
  readonly storage: Storage;
  readonly broker: KeyBroker | undefined;
  readonly attestation: AttestationBackend | undefined;
}): Promise<readonly Finding[]> {
  if (parts.broker !== undefined) return parts.broker.readiness();
  const health = await parts.storage.health();
  const drafts = [...((await parts.attestation?.readiness()) ?? [])];
  if (!health.ok) {
    const { backend, detail } = health;
    drafts.push(
      assayError('storage.backend.answers', { params: { backend, address: 'store', reason: detail } }).finding,
    );
  }
  return keyed(drafts);
}
