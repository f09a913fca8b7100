import { DER_TAG, derBoolean, derElement, derInteger, derOctetString, derOid, derSequence } from '@assay/bytes';
import { exactly } from '../fixed.js';
import type { EmulatedExtension } from '../x509/extension.js';

export type PckCa = 'platform' | 'processor';

/** One emulated machine with SGX and TDX, as its PCK certificate describes it. */
export interface IntelPlatform {
  /** Name of the machine; its keys and serial number follow from it. */
  readonly id: string;
  readonly ca: PckCa;
  /** 6 bytes, lower-case hex: the machine type that TCB info is for. */
  readonly fmspc: string;
  /** 2 bytes, lower-case hex. */
  readonly pceId: string;
  /** SGX TCB component SVNs 1 to 16. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly cpuSvn: Uint8Array;
  readonly ppid: Uint8Array;
  /** 0 Standard, 1 Scalable, 2 Scalable with integrity. */
  readonly sgxType: 0 | 1 | 2;
  /** Only written under the Platform CA. */
  readonly platformInstanceId: Uint8Array;
  readonly dynamicPlatform: boolean;
  readonly cachedKeys: boolean;
  readonly smtEnabled: boolean;
}

const SGX = '1.2.840.113741.1.13.1';

/** The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5). */
export function sgxExtension(platform: IntelPlatform): EmulatedExtension {
  if (platform.components.length !== 16) throw new RangeError('a platform has 16 TCB components');
  const cpuSvn = exactly(platform.cpuSvn, 16, 'CPUSVN');
  const tcb = derSequence(
    ...platform.components.map((svn, index) => pair(`2.${index + 1}`, derInteger(svn))),
    pair('2.17', derInteger(platform.pceSvn)),
    pair('2.18', derOctetString(cpuSvn)),
  );
  const members = [
    pair('1', derOctetString(exactly(platform.ppid, 16, 'PPID'))),
    pair('2', tcb),
    pair('3', derOctetString(hex(platform.pceId, 2, 'PCE id'))),
    pair('4', derOctetString(hex(platform.fmspc, 6, 'FMSPC'))),
    pair('5', derElement(DER_TAG.enumerated, Uint8Array.of(platform.sgxType))),
  ];
  if (platform.ca === 'platform') {
    members.push(
      pair('6', derOctetString(exactly(platform.platformInstanceId, 16, 'platform instance id'))),
      pair(
        '7',
        derSequence(
          pair('7.1', derBoolean(platform.dynamicPlatform)),
          pair('7.2', derBoolean(platform.cachedKeys)),
          pair('7.3', derBoolean(platform.smtEnabled)),
        ),
      ),
    );
  }
  return { oid: SGX, value: derSequence(...members) };
}

function pair(suffix: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(`${SGX}.${suffix}`), value);
}

function hex(text: string, length: number, field: string): Uint8Array {
  return exactly(Uint8Array.from(Buffer.from(text, 'hex')), length, field);
}
