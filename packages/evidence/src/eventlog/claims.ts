import { encodeBase64, encodeHex, type JsonArray } from '@assay/bytes';
import type { Bank } from './algorithm.js';
import { eventDetails } from './details.js';
import { EVENT, eventTypeName } from './event-type.js';
import type { EventRecord, ParsedEventlog } from './parse.js';
import { digestsMatchData } from './replay.js';

declare const authentic: unique symbol;

/**
 * A log whose replay reached every register that vouches for it, whose bound data hash to their digests, and whose agent
 * events are well formed. Only `verifyEventlog` makes one.
 */
export interface AuthenticEventlog {
  readonly [authentic]: true;
  readonly log: ParsedEventlog;
  /** Banks and registers that were compared: only their digests are vouched for. */
  readonly bound: ReadonlyMap<Bank, ReadonlySet<number>>;
}

/**
 * The claim `uefi_event_logs`: every record after the header, in order.
 *
 * Digests of banks that no register vouched for are left out, and so are records of registers that were not quoted: a host
 * may have written anything there.
 */
export function eventlogClaims({ log, bound }: AuthenticEventlog): JsonArray {
  return log.records.flatMap((record) => {
    const digests = vouchedFor(record, bound);
    if (digests.length === 0) return [];
    return [
      {
        details: eventDetails(record.type, record.data),
        digest_matches_event: digestsMatchData(record.data, digests),
        digests: digests.map(({ algorithm, digest }) => ({ alg: algorithm.claimName, digest: encodeHex(digest) })),
        event: encodeBase64(record.data),
        index: record.index,
        type_name: eventTypeName(record.type),
      },
    ];
  });
}

function vouchedFor(record: EventRecord, bound: AuthenticEventlog['bound']): EventRecord['digests'] {
  // EV_NO_ACTION extends nothing: it is shown, with the type that says so.
  if (record.type === EVENT.noAction) return record.digests.filter(({ algorithm: { bank } }) => bound.has(bank));
  return record.digests.filter(({ algorithm: { bank } }) => bound.get(bank)?.has(record.index) === true);
}
