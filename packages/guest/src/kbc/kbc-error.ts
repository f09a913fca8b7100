/** What went wrong between a guest and its broker. */
export type KbcErrorReason =
  /** The broker refused; `code` and `attempt` say more. */
  | 'refused'
  /** The broker does not have the resource. */
  | 'missing'
  /** The broker answered something that is not the protocol. */
  | 'protocol'
  /** The broker is not able to answer now. */
  | 'unavailable';

/** A key broker client's refusal or failure. Never holds a token, a cookie or a key. */
export class KbcError extends Error {
  override readonly name = 'KbcError';
  readonly reason: KbcErrorReason;
  /** Status of the HTTP answer, where there was one. */
  readonly status: number | undefined;
  /** Guest code of the refusal, as `evidence.refused`. Absent with other brokers than Assay. */
  readonly code: string | undefined;
  /** Id under which the owner finds the explanation: `assay audit show <attempt>`. */
  readonly attempt: string | undefined;
  /** The broker knew who asks, and its policy says no: asking again with evidence as new as this changes nothing. */
  readonly decided: boolean;

  constructor(
    reason: KbcErrorReason,
    message: string,
    facts: {
      readonly status?: number | undefined;
      readonly code?: string | undefined;
      readonly attempt?: string | undefined;
      readonly decided?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.reason = reason;
    this.status = facts.status;
    this.code = facts.code;
    this.attempt = facts.attempt;
    this.decided = facts.decided ?? false;
  }
}
