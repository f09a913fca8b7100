/** A verdict beside the messages of the CoCo interface: gzip of its JSON in trailing metadata, for callers that ask. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { cut, type Finding, isFindingId, type Verdict } from '@assay/bytes/findings';
import { Metadata } from '@grpc/grpc-js';

/** Request metadata by which a caller asks for the verdict. */
export const ASK_VERDICT = 'assay-verdict';
/** Id of the error register beside upstream's text. */
export const CODE_METADATA = 'assay-code';
const VERDICT = 'assay-verdict-bin';

/** Metadata are header fields: HTTP/2 peers refuse too large ones. */
const LARGEST = 32 * 1024;
const LARGEST_UNPACKED = 8 * 1024 * 1024;

/** The verdict, with less where it does not fit: first without claims, then with what did not pass only. */
export function verdictMetadata(verdict: Verdict): Metadata {
  const metadata = new Metadata();
  const { claims: _, ...smaller } = verdict;
  const smallest = { ...smaller, findings: verdict.findings.filter((finding) => finding.outcome !== 'pass') };
  for (const form of [verdict, smaller, smallest]) {
    const packed = gzipSync(JSON.stringify(form));
    if (packed.length > LARGEST) continue;
    metadata.set(VERDICT, packed);
    break;
  }
  return metadata;
}

/**
 * The verdict of an answer, marked with where it came from.
 *
 * @returns undefined where there is none, or none that reads as one
 */
export function verdictOf(metadata: Metadata, via: string): Verdict | undefined {
  const [packed] = metadata.get(VERDICT);
  if (!Buffer.isBuffer(packed)) return undefined;
  try {
    const json = parseJsonStrict(gunzipSync(packed, { maxOutputLength: LARGEST_UNPACKED }), {
      maxBytes: LARGEST_UNPACKED,
    });
    return isVerdict(json) ? nested(json as unknown as Verdict, via) : undefined;
  } catch {
    return undefined;
  }
}

function isVerdict(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false;
  const { kind, at, summary, stages, roots, findings } = value;
  if (typeof kind !== 'string' || typeof at !== 'string' || typeof summary !== 'string') return false;
  if (!isJsonObject(stages) || !Array.isArray(roots) || !roots.every((key) => typeof key === 'string')) return false;
  return Array.isArray(findings) && findings.every(isFinding);
}

function isFinding(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false;
  const { id, key, outcome, title } = value;
  return (
    typeof id === 'string' &&
    typeof key === 'string' &&
    (title === undefined || typeof title === 'string') &&
    ['pass', 'fail', 'warn', 'not-checked'].includes(String(outcome))
  );
}

/** Findings of another hop stand unchanged; an id that this release does not know keeps its words under one that it does. */
function nested(verdict: Verdict, via: string): Verdict {
  const findings = verdict.findings.map((finding): Finding => {
    if (isFindingId(finding.id)) return { ...finding, via: finding.via ?? via };
    const title = cut(`${String(finding.id)}: ${finding.title ?? ''}`, 100);
    return { ...finding, id: 'evidence.service.accepts', title, via };
  });
  return { ...verdict, findings };
}
