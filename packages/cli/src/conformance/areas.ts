import { evidenceKinds } from '../evidence/kinds.js';
import { evidenceRunner } from './evidence.js';

/** One case of a conformance run. `result` is what Assay computed. */
export interface CaseReport {
  readonly area: string;
  readonly id: string;
  readonly pass: boolean;
  /** Members of `expected` that came out otherwise, by dotted name. */
  readonly differing?: readonly string[];
  /** The vectors themselves say that the case is not to be run. */
  readonly skipped?: boolean;
  readonly expected: unknown;
  readonly result: unknown;
}

/** Runs every case of an area's folder. */
export type AreaRunner = (path: string, onCase: (report: CaseReport) => void) => Promise<void>;

/** Areas that this release can judge, by the name of their folder. */
export const areaRunners: Readonly<Record<string, AreaRunner>> = {
  ...Object.fromEntries(Object.entries(evidenceKinds).map(([area, kind]) => [area, evidenceRunner(area, kind)])),
  image: async (path, onCase) => (await import('./image.js')).imageRunner(path, onCase),
  signature: async (path, onCase) => (await import('./signature.js')).signatureRunner(path, onCase),
  'sealed-secret': async (path, onCase) => (await import('./sealed-secret.js')).sealedSecretRunner(path, onCase),
  rego: async (path, onCase) => {
    const { runRegoConformance } = await import('@assay/rego/node');
    runRegoConformance(path, {
      onCase: ({ area, id, pass, skipped, expected, result }) =>
        onCase({ area, id, pass, ...(skipped ? { skipped } : {}), expected, result }),
    });
  },
};
