import { vectorsRoot } from '@assay/testkit';
import { measureApart } from '../lib/apart.js';
import { buildScript } from '../lib/build.js';
import { machine, type Report } from '../lib/report.js';
import { CONTENDERS, type Contender, TEES } from './dcap-contenders.js';

/**
 * Verifications per second on one core, of one SGX and one TDX quote of real hardware.
 *
 * The floor is what nothing can avoid: import of the attestation key, two P-256 verifications. Assay runs it without
 * keeping attestation keys, so that both sides import; what keeping them brings stands beside it. With nothing cached the
 * floor is every signature of the endorsements as well, and the import of every key (`cold_signatures`); what is built in, as the
 * pinned root, is no cache. The npm packages verify the same quote with the same collateral at the same time. Each contender has a
 * process of its own, as in use, and they take turns, so that a slow second hits all.
 */
const turns = { warmUp: 3000, rounds: 9, each: 300 };

export async function benchDcap(): Promise<Report> {
  // The vectors are found from where the sources are.
  process.env['ASSAY_VECTORS'] ??= vectorsRoot();
  const worker = await buildScript(new URL('dcap-worker.ts', import.meta.url), 'dcap-worker');
  const metrics: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  for (const tee of TEES) {
    const rates = await measureApart(worker, [tee], CONTENDERS, turns);
    for (const name of CONTENDERS) metrics[`${tee}_${name}_per_s`] = rates[name];
    const ratio = (left: Contender, right: Contender): number => rates[left] / rates[right];
    ratios[`${tee}_warm_vs_raw_signatures`] = ratio('warm', 'raw_signatures');
    ratios[`${tee}_warm_with_kept_attestation_key_vs_raw_signatures`] = ratio('warm_kept_key', 'raw_signatures');
    ratios[`${tee}_verifier_with_claims_vs_raw_signatures`] = ratio('verifier_with_claims', 'raw_signatures');
    for (const phala of ['phala_js', 'phala_wasm'] as const) {
      ratios[`${tee}_warm_vs_${phala}`] = ratio('warm', phala);
      ratios[`${tee}_cold_vs_${phala}`] = ratio('cold', phala);
      ratios[`${tee}_cold_signatures_vs_${phala}`] = ratio('cold_signatures', phala);
    }
    ratios[`${tee}_cold_vs_cold_signatures`] = ratio('cold', 'cold_signatures');
  }
  return { name: 'dcap', machine: machine(), metrics, ratios };
}
