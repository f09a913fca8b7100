/** Keeps refused administrative calls for the owner, without letting whoever is refused fill the store. */
import type { AssayError, FindingDraft } from '@assay/bytes/findings';
import type { AuditLog } from '../audit/log.js';
import { asKnownError } from '../protocol-fault.js';
import type { AdminCall } from '../types.js';

/** Records that are written at once, before the pace below holds. */
const BURST = 20;
/** Records a second that are written in the long run. */
const PACE = 1;
const LONGEST_PATH = 200;

export interface RefusalRecorderOptions {
  readonly audit: AuditLog;
  readonly now: () => Date;
  readonly warn: (finding: FindingDraft) => void;
}

/** Records calls at a bounded pace; those in between are counted, and their number stands in the next record. */
export class RefusalRecorder {
  readonly #options: RefusalRecorderOptions;
  #allowance = BURST;
  #at: number;
  #omitted = 0;

  constructor(options: RefusalRecorderOptions) {
    this.#options = options;
    this.#at = options.now().getTime();
  }

  /** Never throws: the refusal stands without its record, and the store's failure is told to the operator. */
  readonly record = async (call: AdminCall, error: AssayError): Promise<void> => {
    if (!this.#mayWrite()) {
      this.#omitted += 1;
      return;
    }
    const omitted = this.#omitted;
    this.#omitted = 0;
    const { audit, warn } = this.#options;
    const path = (call.uri.split('?')[0] ?? '').slice(0, LONGEST_PATH);
    const address = call.caller?.address;
    try {
      await audit.recordRefusedAct({
        code: error.code,
        method: call.method,
        path,
        summary: error.title,
        ...(address === undefined ? {} : { address }),
        ...(omitted === 0 ? {} : { omitted }),
      });
    } catch (failed) {
      this.#omitted += omitted + 1;
      warn(asKnownError(failed).finding);
    }
  };

  #mayWrite(): boolean {
    const now = this.#options.now().getTime();
    this.#allowance = Math.min(BURST, this.#allowance + (Math.max(0, now - this.#at) / 1000) * PACE);
    this.#at = now;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}
