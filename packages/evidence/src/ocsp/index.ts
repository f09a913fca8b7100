/** OCSP (RFC 6960): questions and the verification of answers, without the network between them. */
export { encodeOcspRequest } from './request.js';
export { type BasicResponse, parseOcspResponse, type SingleResponse } from './response.js';
export { type OcspInput, type OcspResult, verifyOcsp } from './verify.js';
