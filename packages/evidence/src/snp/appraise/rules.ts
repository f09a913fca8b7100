/** What an owner asks of SNP reports beyond authenticity. Defaults are strict; what is relaxed still warns. */
import type { Product } from '../product.js';
import type { PlatformFlag, PolicyFlag } from '../report/policy.js';
import type { FirmwareVersion } from '../report/report.js';
import type { TcbComponent } from '../tcb.js';

export interface SnpRules {
  /**
   * Highest VMPL that may have asked for the report; default 0. No claim of Confidential Containers carries the VMPL, so
   * it is judged here. Under an SVSM or a paravisor the operating system has 1 to 3: allow it per deployment.
   */
  readonly maximumVmpl?: 0 | 1 | 2 | 3;
  /** Accept guests that the host may debug. Default false. */
  readonly debugAllowed?: boolean;
  /** REPORT_ID_MA of the migration agents that may receive a guest, hex. Default: none, so that MIGRATE_MA refuses. */
  readonly migrationAgents?: readonly string[];
  /** Flags of the guest policy that must be as given. */
  readonly guestPolicy?: { readonly [flag in PolicyFlag]?: boolean };
  readonly minimumAbi?: { readonly major: number; readonly minor: number };
  /** Least security version numbers of REPORTED_TCB, by product. */
  readonly minimumTcb?: { readonly [product in Product]?: { readonly [component in TcbComponent]?: number } };
  /** Least version of the committed firmware. */
  readonly minimumFirmware?: FirmwareVersion;
  /** SHA-384 digests, hex: one of them must be there. */
  readonly idKeyDigests?: readonly string[];
  readonly authorKeyDigests?: readonly string[];
  readonly platform?: { readonly [flag in PlatformFlag]?: boolean };
  /** Without a CRL nothing is accepted. Default false. */
  readonly crlRequired?: boolean;
  /** Milliseconds before the end of a certificate or CRL at which a warning is due. Default one day. */
  readonly endingWithin?: number;
}
