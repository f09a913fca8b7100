import type { JsonValue } from '@assay/bytes';
import type { Tee } from '@assay/protocol';

/** Something that makes evidence of the TEE (or device) it runs in. */
export interface Attester {
  readonly tee: Tee;
  /**
   * Evidence that commits to `reportData`.
   *
   * @param reportData digest of the runtime data; the attester pads it to its TEE's register
   */
  getEvidence(reportData: Uint8Array): Promise<JsonValue>;
}
