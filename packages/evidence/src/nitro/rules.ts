/** What an owner asks of Nitro documents beyond authenticity. Defaults are strict; what is relaxed still warns. */
export interface NitroRules {
  /** Accept enclaves in debug mode, whose PCR0 to PCR2 are zero. Default false. */
  readonly debugAllowed?: boolean;
  /**
   * Member of the document that carries the report data; default `user_data`. It holds the digest as it is, or zero-padded
   * to 64 bytes. The other member is a claim and nothing more.
   */
  readonly reportData?: ReportDataField;
  /** Seconds by which this clock may be behind AWS's; default 60. No certificate lives longer by it. */
  readonly clockSkew?: number;
}

export type ReportDataField = 'user_data' | 'nonce';

export const DEFAULT_CLOCK_SKEW = 60;
