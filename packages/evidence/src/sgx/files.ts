import { encodeHex, type JsonObject } from '@assay/bytes';
import { type QuoteFileOptions, type QuoteFileResult, verifyQuoteFiles } from '../dcap/files.js';
import type { SgxQuote } from '../dcap/quote/model.js';
import { SGX_TEE } from './verifier.js';

/** @param files `quote`, `collateral`, `pck_chain` @throws RangeError, DecodeError */
export function verifySgxFiles(
  files: { readonly [role: string]: Uint8Array },
  options: QuoteFileOptions,
): QuoteFileResult {
  return verifyQuoteFiles(files, options, SGX_TEE, fields);
}

function fields({ body }: SgxQuote): JsonObject {
  return {
    cpu_svn: encodeHex(body.cpuSvn),
    misc_select: encodeHex(body.miscSelect),
    attributes: encodeHex(body.attributes),
    mr_enclave: encodeHex(body.mrEnclave),
    mr_signer: encodeHex(body.mrSigner),
    isv_prod_id: body.isvProdId,
    isv_svn: body.isvSvn,
    report_data: encodeHex(body.reportData),
    isv_ext_prod_id: encodeHex(body.isvExtProdId),
    isv_family_id: encodeHex(body.isvFamilyId),
    config_id: encodeHex(body.configId),
    config_svn: body.configSvn,
  };
}
