import { encodeHex, type JsonObject } from '@assay/bytes';
import { type QuoteFileOptions, type QuoteFileResult, verifyQuoteFiles } from '../dcap/files.js';
import type { TdxQuote } from '../dcap/quote/model.js';
import { TDX_TEE } from './verifier.js';

/** @param files `quote`, `collateral`, `pck_chain` @throws RangeError, DecodeError */
export function verifyTdxFiles(
  files: { readonly [role: string]: Uint8Array },
  options: QuoteFileOptions,
): QuoteFileResult {
  return verifyQuoteFiles(files, options, TDX_TEE, tdxFields);
}

/** Fields of the TD report, for people. */
export function tdxFields({ body }: TdxQuote): JsonObject {
  const { mrServiceTd, rtmrs, teeTcbSvn2 } = body;
  return {
    tee_tcb_svn: encodeHex(body.teeTcbSvn),
    mr_seam: encodeHex(body.mrSeam),
    mr_signer_seam: encodeHex(body.mrSignerSeam),
    seam_attributes: encodeHex(body.seamAttributes),
    td_attributes: encodeHex(body.tdAttributes),
    xfam: encodeHex(body.xfam),
    mr_td: encodeHex(body.mrTd),
    mr_config_id: encodeHex(body.mrConfigId),
    mr_owner: encodeHex(body.mrOwner),
    mr_owner_config: encodeHex(body.mrOwnerConfig),
    rtmr0: encodeHex(rtmrs[0]),
    rtmr1: encodeHex(rtmrs[1]),
    rtmr2: encodeHex(rtmrs[2]),
    rtmr3: encodeHex(rtmrs[3]),
    report_data: encodeHex(body.reportData),
    ...(teeTcbSvn2 === undefined ? {} : { tee_tcb_svn_2: encodeHex(teeTcbSvn2) }),
    ...(mrServiceTd === undefined ? {} : { mr_service_td: encodeHex(mrServiceTd) }),
  };
}
