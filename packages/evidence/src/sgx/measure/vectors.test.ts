import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { loadManifest, vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { measureEnclave } from './enclave.js';

interface Entry {
  readonly id: string;
  readonly files: { readonly sigstruct?: string; readonly sgxs?: string };
  readonly expected: {
    readonly verdict: string;
    readonly failed_checks?: readonly string[];
    readonly mr_enclave?: string;
    readonly mr_signer?: string;
    readonly sigstruct?: Readonly<Record<string, unknown>>;
  };
}

const folder = vectorsArea('measure');
const entries = ((loadManifest('measure') ?? []) as Entry[]).filter(({ files }) => files.sigstruct !== undefined);

describe.skipIf(folder === undefined)('published SIGSTRUCTs', () => {
  test('there are some', () => expect(entries.length).toBeGreaterThan(8));

  test.each(entries.map((entry) => [entry.id, entry] as const))('%s', (_, { files, expected }) => {
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder ?? '', name)));
    const result = measureEnclave({
      sigstruct: read(files.sigstruct ?? ''),
      ...(files.sgxs === undefined ? {} : { sgxs: read(files.sgxs) }),
    });
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    expect(failed).toEqual((expected.failed_checks ?? []).map((label) => `sgx.${label}`));
    expect(result.authentic !== undefined).toBe(expected.verdict === 'accept');
    if (result.authentic === undefined) return;
    const { authentic } = result;
    const hex = encodeHex;
    if (expected.mr_enclave !== undefined) expect(hex(result.mrEnclave ?? new Uint8Array())).toBe(expected.mr_enclave);
    expect(hex(authentic.mrSigner)).toBe(expected.mr_signer);
    expect({
      vendor: hex(authentic.vendor),
      date: authentic.date,
      swdefined: hex(authentic.swDefined),
      exponent: authentic.exponent,
      miscselect: hex(authentic.miscSelect),
      miscselect_mask: hex(authentic.miscMask),
      attributes: hex(authentic.attributes),
      attributes_mask: hex(authentic.attributesMask),
      enclave_hash: hex(authentic.enclaveHash),
      isv_family_id: hex(authentic.isvFamilyId),
      isv_ext_prod_id: hex(authentic.isvExtProdId),
      isv_prod_id: authentic.isvProdId,
      isv_svn: authentic.isvSvn,
    }).toEqual(
      Object.fromEntries(
        Object.entries(expected.sigstruct ?? {}).filter(
          ([name]) => !['header', 'header2', 'signature', 'q1', 'q2'].includes(name),
        ),
      ),
    );
  });
});
