/** Claims of SGX, by the names that policies of the field read under `input.sgx`. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { AuthenticQuote } from '../dcap/authenticate.js';
import { dcapClaims } from '../dcap/claims.js';
import type { QuoteHeader, SgxQuote } from '../dcap/quote/model.js';
import type { SgxReport } from '../dcap/quote/report.js';

export function sgxClaims(authentic: AuthenticQuote<SgxQuote>): JsonObject {
  const { body, header } = authentic.quote;
  return {
    header: headerClaims(header),
    body: bodyClaims(body),
    ...dcapClaims(authentic),
    report_data: encodeHex(body.reportData),
    init_data: encodeHex(body.configId),
  };
}

function headerClaims({ bytes, reserved, userData, vendorId }: QuoteHeader): JsonObject {
  return {
    version: encodeHex(bytes.subarray(0, 2)),
    att_key_type: encodeHex(bytes.subarray(2, 4)),
    att_key_data_0: encodeHex(bytes.subarray(4, 8)),
    qe_svn: encodeHex(reserved.subarray(0, 2)),
    pce_svn: encodeHex(reserved.subarray(2, 4)),
    vendor_id: encodeHex(vendorId),
    user_data: encodeHex(userData),
  };
}

function bodyClaims(body: SgxReport): JsonObject {
  return {
    cpu_svn: encodeHex(body.cpuSvn),
    misc_select: encodeHex(body.miscSelect),
    reserved1: encodeHex(body.reserved1),
    isv_ext_prod_id: encodeHex(body.isvExtProdId),
    'attributes.flags': encodeHex(body.attributes.subarray(0, 8)),
    'attributes.xfrm': encodeHex(body.attributes.subarray(8)),
    mr_enclave: encodeHex(body.mrEnclave),
    reserved2: encodeHex(body.reserved2),
    mr_signer: encodeHex(body.mrSigner),
    reserved3: encodeHex(body.reserved3),
    config_id: encodeHex(body.configId),
    isv_prod_id: encodeHex(body.bytes.subarray(256, 258)),
    isv_svn: encodeHex(body.bytes.subarray(258, 260)),
    config_svn: encodeHex(body.bytes.subarray(260, 262)),
    reserved4: encodeHex(body.reserved4),
    isv_family_id: encodeHex(body.isvFamilyId),
    report_data: encodeHex(body.reportData),
  };
}
