import type { JsonValue } from '@assay/bytes';
import type { HashAlgorithm, Tee } from '@assay/protocol';

/** Something that makes evidence of the TEE (or device) it runs in. */
export interface Attester {
  readonly tee: Tee;
  /**
   * Evidence that commits to `reportData`.
   *
   * @param reportData digest of the runtime data; the attester pads it to its TEE's register
   * @param challenge the broker's nonce as it came: for TEEs whose verifier asks the hardware a question of its own (IBM SE)
   */
  getEvidence(reportData: Uint8Array, challenge?: string): Promise<JsonValue>;
  /** The field that init-data is bound to at launch, as the hardware tells it. Absent where it cannot be read. */
  readonly initDataField?: () => Promise<Uint8Array>;
  /**
   * Binds init-data to the running guest, where the hardware was launched without it: a register is extended with the digest.
   *
   * @throws InitDataError where the register holds something else
   */
  readonly bindInitData?: (digest: Uint8Array) => Promise<void>;
  /** Registers that a running guest extends. Absent where there are none. */
  readonly registers?: MeasurementRegisters;
}

/** Measurement registers of a running guest, addressed as PCRs. */
export interface MeasurementRegisters {
  readonly algorithm: HashAlgorithm;
  /** Index that the event log gives the register of a PCR. */
  logIndex(pcr: number): number;
  read(pcr: number): Promise<Uint8Array>;
  /** register = H(register ‖ digest) */
  extend(pcr: number, digest: Uint8Array): Promise<void>;
}
