import type { KeyObject } from 'node:crypto';
import { encodeBase64, encodeHex, type JsonObject } from '@assay/bytes';
import {
  INIT_DATA_PCR,
  marshalPublic,
  marshalQuote,
  marshalSignature,
  type ObjectAttribute,
  type PcrSelectionList,
  type PublicArea,
  type QuoteAttest,
  spkiOf,
  type TpmHash,
} from '@assay/evidence/tpm';
import { padded } from '../fixed.js';
import { emulatedDigest } from '../intel/sgx-report.js';
import { type AgentTpmEvent, agentExtension, agentTpmLog } from '../tpm/agent-log.js';
import { bootTpm, type TpmEvent, tpmBootEvents } from '../tpm/boot.js';
import { AK_ATTRIBUTES, akArea, signQuote } from '../tpm/key.js';
import { emulatedAttest } from '../tpm/quote.js';
import type { EmulatedTpm, TpmOrders } from '../tpm/tpm.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary machine with a certified TPM. */
export interface TpmOverrides {
  readonly tpm?: EmulatedTpm;
  /** Measurements of the boot. */
  readonly events?: readonly TpmEvent[];
  /** SHA-256 digest of the init-data: PCR 8 is extended with it. */
  readonly initData?: Uint8Array;
  /** What the Attestation Agent measured after the boot. */
  readonly agentEvents?: readonly AgentTpmEvent[];
  /** Changes the agent's log that is sent; the registers are of its events. */
  readonly alterAgentLog?: (log: Uint8Array) => Uint8Array;
  readonly selection?: PcrSelectionList;
  readonly attributes?: readonly ObjectAttribute[];
  /** Other members of the attest structure. */
  readonly attest?: Partial<QuoteAttest>;
  /** Changes the attest structure before it is signed. */
  readonly alterMessage?: (message: Uint8Array) => Uint8Array;
  readonly hash?: TpmHash;
  readonly rsaScheme?: 'rsassa' | 'rsapss';
  /** Signs instead of the AK. */
  readonly signer?: KeyObject;
  /** Changes the finished TPMT_SIGNATURE. */
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array;
  /** Changes the values that are sent, not those that are quoted. */
  readonly alterPcrs?: (pcrs: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Changes the log that is sent; the registers are of the boot. `none`: no log is sent. */
  readonly log?: 'none' | ((events: readonly TpmEvent[]) => Uint8Array);
  /** `area`: TPMT_PUBLIC (newer guests); `spki`: SubjectPublicKeyInfo (older ones); `both`: with the public area beside it. */
  readonly form?: 'area' | 'spki' | 'both';
  /** Public area that is sent with `both`, instead of the AK's. */
  readonly area?: PublicArea;
  readonly certificate?: 'chain' | 'none';
  readonly orders?: TpmOrders;
  readonly extraData?: Uint8Array;
}

/** A boot of a kernel that was never measured. */
export function emulatedTpmBoot(): readonly TpmEvent[] {
  return tpmBootEvents({
    kernel: emulatedDigest('sha256', 'kernel'),
    cmdline: 'console=ttyS0 quiet',
    initrd: emulatedDigest('sha256', 'initrd'),
  });
}

/** Quote of an emulated TPM, with the values that it covers. */
export interface EmulatedTpmQuote {
  /** TPMS_ATTEST. */
  readonly message: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  /** SHA-256 bank. */
  readonly pcrs: readonly Uint8Array[];
  readonly area: PublicArea;
  readonly log: Uint8Array | undefined;
  readonly agentLog: Uint8Array | undefined;
}

/** Boots and quotes. @param extraData what the quote binds, at most 64 bytes */
export function tpmQuote(world: TestWorld, extraData: Uint8Array, overrides: TpmOverrides = {}): EmulatedTpmQuote {
  const tpm = overrides.tpm ?? world.tpm.machine();
  const key = world.tpm.ak(tpm);
  const { alterMessage, alterPcrs, alterSignature, events = emulatedTpmBoot(), hash = 'sha256', initData } = overrides;
  const { agentEvents, alterAgentLog } = overrides;
  const extensions = [
    ...(initData === undefined ? [] : [{ pcr: INIT_DATA_PCR, digest: initData }]),
    ...(agentEvents ?? []).map(agentExtension),
  ];
  const agentLog = agentEvents === undefined ? undefined : agentTpmLog(agentEvents);
  const { log, pcrs } = bootTpm(events, extensions);
  const area = akArea(key, overrides.attributes ?? AK_ATTRIBUTES);
  const { attest, selection } = overrides;
  const plain = marshalQuote(
    emulatedAttest({
      ak: area,
      extraData: overrides.extraData ?? extraData,
      pcrs,
      hash,
      ...(selection === undefined ? {} : { selection }),
      ...(attest === undefined ? {} : { attest }),
    }),
  );
  const message = alterMessage?.(plain) ?? plain;
  const signature = marshalSignature(signQuote(message, overrides.signer ?? key, hash, overrides.rsaScheme));
  return {
    message,
    signature: alterSignature?.(signature) ?? signature,
    pcrs: alterPcrs?.(pcrs) ?? pcrs,
    area,
    log: overrides.log === 'none' ? undefined : (overrides.log?.(events) ?? log),
    agentLog: agentLog === undefined ? undefined : (alterAgentLog?.(agentLog) ?? agentLog),
  };
}

/** Evidence as guests send it (guest-components, `tpm` attester), with certificate and log beside it. */
export function tpmEvidence(world: TestWorld, reportData: Uint8Array, overrides: TpmOverrides = {}): JsonObject {
  const tpm = overrides.tpm ?? world.tpm.machine();
  const quote = tpmQuote(world, padded(reportData, 64, 'report data'), { ...overrides, tpm });
  const { certificate = 'chain', form = 'area', orders } = overrides;
  const area = overrides.area ?? quote.area;
  return {
    ak_public: encodeBase64(form === 'area' ? marshalPublic(area) : spkiOf(quote.area)),
    ...(form === 'both' ? { ak_area: encodeBase64(marshalPublic(area)) } : {}),
    ...(certificate === 'none' ? {} : { ak_cert: encodeBase64(Buffer.from(world.tpm.akChain(tpm, orders))) }),
    ...(quote.log === undefined ? {} : { event_log: encodeBase64(quote.log) }),
    ...(quote.agentLog === undefined ? {} : { agent_event_log: encodeBase64(quote.agentLog) }),
    report_data: encodeBase64(padded(reportData, 64, 'report data')),
    tpm_quote: {
      signature: encodeBase64(quote.signature),
      message: encodeBase64(quote.message),
      pcrs: quote.pcrs.map((value) => encodeHex(value)),
    },
  };
}
