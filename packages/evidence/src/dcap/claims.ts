/** Claims that SGX and TDX have in common: what Intel's collateral says of the platform. */
import { createHash } from 'node:crypto';
import { encodeHex, type JsonObject } from '@assay/bytes';
import { type CollateralUse, type FindingRef, utc } from '@assay/bytes/findings';
import type { AuthenticQuote } from './authenticate.js';
import { named } from './pck/names.js';

/** The DCAP set: `tcb_status`, `advisory_ids`, dates, numbers, platform. */
export function dcapClaims(authentic: AuthenticQuote): JsonObject {
  const { chain, collateral, dates, emulated, evaluationNumber, platform, tcb } = authentic;
  const { pckCrl, rootCrl } = collateral;
  return {
    tcb_status: tcb.status,
    collateral_expiration_status: dates.expired ? '1' : '0',
    advisory_ids: tcb.advisoryIds,
    earliest_issue_date: utc(new Date(dates.earliestIssue)),
    latest_issue_date: utc(new Date(dates.latestIssue)),
    earliest_expiration_date: utc(new Date(dates.earliestExpiration)),
    tcb_date: utc(tcb.level.date),
    pck_crl_num: Number(pckCrl?.crlNumber ?? 0n),
    root_ca_crl_num: Number(rootCrl?.crlNumber ?? 0n),
    tcb_eval_num: evaluationNumber,
    platform_provider_id: encodeHex(platform.ppid),
    root_key_id: rootKeyId(chain.root?.publicKey.key),
    sgx_type: platform.sgxType,
    ...(platform.sgxType === 'Standard' ? {} : multiPackageClaims(authentic)),
    ...(platform.platformInstanceId === undefined
      ? {}
      : { platform_instance_id: encodeHex(platform.platformInstanceId) }),
    ...(emulated ? { emulated: true } : {}),
  };
}

/** Findings that made claims of the set. */
export function dcapOrigins({ tcb }: AuthenticQuote): { readonly [path: string]: FindingRef } {
  return {
    '': 'dcap.quote.signature',
    tcb_status: tcb.cause,
    tcb_date: 'dcap.tcb.level',
    advisory_ids: 'dcap.tcb.level',
    collateral_expiration_status: 'collateral.item.stale',
    tcb_eval_num: 'dcap.tcbinfo.evaluation',
    emulated: 'evidence.hardware.backed',
  };
}

/** Everything that the verdict rests on, with its end. */
export function dcapCollateral({ chain, collateral }: AuthenticQuote, now: Date): CollateralUse[] {
  const certificates = new Map(
    [...chain.certificates, ...collateral.certificates].map((certificate) => [certificate.fingerprint, certificate]),
  );
  return [
    ...collateral.dated.map(({ name, from, to }) => ({
      item: name,
      issued: utc(from),
      next_update: utc(to),
      ...(to < now ? { used_beyond: true } : {}),
    })),
    ...[...certificates.values()].map((certificate) => ({
      item: named(certificate),
      issued: utc(certificate.notBefore),
      next_update: utc(certificate.notAfter),
    })),
  ];
}

/** SHA-384 of the root's public key as an uncompressed point. */
function rootKeyId(point: Uint8Array | undefined): string {
  return createHash('sha384')
    .update(point ?? new Uint8Array())
    .digest('hex');
}

function multiPackageClaims({ platform }: AuthenticQuote): JsonObject {
  const { cachedKeys, dynamicPlatform, smtEnabled } = platform;
  return {
    ...(dynamicPlatform === undefined ? {} : { is_dynamic_platform: dynamicPlatform }),
    ...(cachedKeys === undefined ? {} : { is_cached_keys: cachedKeys }),
    ...(smtEnabled === undefined ? {} : { is_smt_enabled: smtEnabled }),
  };
}
