/** Claims of TDX, by the names that policies of the field read under `input.tdx`. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { AuthenticQuote } from '../dcap/authenticate.js';
import { dcapClaims } from '../dcap/claims.js';
import type { QuoteHeader, TdxQuote } from '../dcap/quote/model.js';
import { type TdReport, u64 } from '../dcap/quote/report.js';

/** Bits of TDATTRIBUTES that have a claim. */
const ATTRIBUTES = { debug: 0, septve_disable: 28, protection_keys: 30, key_locker: 31, perfmon: 63 } as const;

export function tdxClaims(authentic: AuthenticQuote<TdxQuote>): JsonObject {
  const { body, bodyWords, header } = authentic.quote;
  return {
    quote: {
      header: headerClaims(header),
      body: bodyClaims(body),
      ...(bodyWords === undefined
        ? {}
        : { type: encodeHex(bodyWords.subarray(0, 2)), size: encodeHex(bodyWords.subarray(2)) }),
    },
    td_attributes: attributeClaims(body),
    ...dcapClaims(authentic),
    report_data: encodeHex(body.reportData),
    init_data: encodeHex(body.mrConfigId),
  };
}

function headerClaims({ bytes, reserved, userData, vendorId }: QuoteHeader): JsonObject {
  return {
    version: encodeHex(bytes.subarray(0, 2)),
    att_key_type: encodeHex(bytes.subarray(2, 4)),
    tee_type: encodeHex(bytes.subarray(4, 8)),
    reserved: encodeHex(reserved),
    vendor_id: encodeHex(vendorId),
    user_data: encodeHex(userData),
  };
}

function bodyClaims(body: TdReport): JsonObject {
  const { mrServiceTd, rtmrs, teeTcbSvn2 } = body;
  return {
    tcb_svn: encodeHex(body.teeTcbSvn),
    mr_seam: encodeHex(body.mrSeam),
    mrsigner_seam: encodeHex(body.mrSignerSeam),
    seam_attributes: encodeHex(body.seamAttributes),
    td_attributes: encodeHex(body.tdAttributes),
    xfam: encodeHex(body.xfam),
    mr_td: encodeHex(body.mrTd),
    mr_config_id: encodeHex(body.mrConfigId),
    mr_owner: encodeHex(body.mrOwner),
    mr_owner_config: encodeHex(body.mrOwnerConfig),
    rtmr_0: encodeHex(rtmrs[0]),
    rtmr_1: encodeHex(rtmrs[1]),
    rtmr_2: encodeHex(rtmrs[2]),
    rtmr_3: encodeHex(rtmrs[3]),
    report_data: encodeHex(body.reportData),
    ...(teeTcbSvn2 === undefined ? {} : { tee_tcb_svn2: encodeHex(teeTcbSvn2) }),
    ...(mrServiceTd === undefined ? {} : { mr_servicetd: encodeHex(mrServiceTd) }),
  };
}

function attributeClaims(body: TdReport): JsonObject {
  const flags = u64(body.tdAttributes);
  return Object.fromEntries(
    Object.entries(ATTRIBUTES).map(([name, bit]) => [name, (flags & (1n << BigInt(bit))) !== 0n]),
  );
}
