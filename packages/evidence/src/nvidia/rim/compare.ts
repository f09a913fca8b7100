/** Measurements of a report beside the golden ones of its manifests. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { nvdec0Disabled, OPAQUE, textField, vbiosVersion } from '../report/opaque.js';
import type { ParsedReport } from '../report/report.js';
import type { AuthenticManifest } from './manifest.js';

export interface Manifests {
  readonly driver?: AuthenticManifest;
  readonly vbios?: AuthenticManifest;
}

/** Golden value of the video decoder's firmware, which a device without it does not measure. */
const NVDEC0_INDEX = 35;

/** Compares a report with the manifests that are at hand: versions, overlap, measurements. */
export function compareWithManifests(report: ParsedReport, gpu: string, manifests: Manifests): FindingDraft[] {
  const { driver, vbios } = manifests;
  const reported = textField(report.opaque, OPAQUE.driverVersion);
  const firmware = vbiosVersion(report.opaque);
  const versions = [
    ...(driver === undefined ? [] : [checkVersion(driver, reported, gpu)]),
    ...(vbios === undefined ? [] : [checkVersion(vbios, firmware, gpu)]),
  ];
  const overlap = checkOverlap(manifests, gpu);
  const before = [...versions, ...(overlap === undefined ? [] : [overlap])];
  if (before.some(({ outcome }) => outcome === 'fail')) {
    const why = 'not compared: the manifests do not fit the device';
    return [...before, notChecked('nvidia.rim.match', why, { subject: gpu })];
  }
  return [
    ...before,
    ...[driver, vbios].flatMap((manifest) => (manifest === undefined ? [] : match(report, manifest, gpu))),
  ];
}

function checkVersion(manifest: AuthenticManifest, reported: string | undefined, gpu: string): FindingDraft {
  const { id, version } = manifest;
  if (version.toLowerCase() === reported?.toLowerCase()) return passed('nvidia.rim.version', gpu, version);
  return failed('nvidia.rim.version', {
    subject: gpu,
    params: { rim: id, actual: version, gpu, expected: reported ?? 'none' },
    expected: reported ?? null,
    actual: version,
    compare: { relation: 'equal', type: 'version' },
    source: 'opaque data of the report',
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: id },
  });
}

function checkOverlap({ driver, vbios }: Manifests, gpu: string): FindingDraft | undefined {
  if (driver === undefined || vbios === undefined) return undefined;
  const index = [...driver.golden.keys()].find((one) => vbios.golden.has(one));
  if (index === undefined) return passed('nvidia.rim.overlap', gpu);
  return failed('nvidia.rim.overlap', {
    subject: gpu,
    params: { index, gpu },
    expected: null,
    actual: index,
    compare: { relation: 'not-in', type: 'integer' },
    source: `${driver.id} and ${vbios.id}`,
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: driver.id },
  });
}

function match(report: ParsedReport, { id, golden }: AuthenticManifest, gpu: string): FindingDraft[] {
  const skips = nvdec0Disabled(report.opaque) && golden.has(NVDEC0_INDEX);
  const findings: FindingDraft[] = skips
    ? [
        notChecked('nvidia.rim.match', `not compared: measurement ${NVDEC0_INDEX} of ${gpu}, nvdec0 is off`, {
          subject: gpu,
        }),
      ]
    : [];
  let compared = 0;
  for (const [index, alternatives] of golden) {
    if (skips && index === NVDEC0_INDEX) continue;
    compared += 1;
    // Blocks of a report count from one.
    const actual = report.measurements.get(index + 1);
    if (actual !== undefined && alternatives.some((value) => constantTimeEqual(value, actual))) continue;
    findings.push(
      failed('nvidia.rim.match', {
        subject: gpu,
        params: {
          index,
          gpu,
          actual: actual === undefined ? 'absent' : encodeHex(actual),
          rim: id,
          n: alternatives.length,
        },
        expected: alternatives.map(encodeHex),
        actual: actual === undefined ? null : encodeHex(actual),
        compare: { relation: 'one-of', type: 'digest' },
        source: `RIM ${id}`,
        origin: { kind: 'vendor', vendor: 'NVIDIA', document: id },
      }),
    );
  }
  const failing = findings.some(({ outcome }) => outcome === 'fail');
  return failing ? findings : [...findings, passed('nvidia.rim.match', gpu, compared)];
}
