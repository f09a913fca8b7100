/**
 * Protected PCIe: eight GPUs and four switches that name each other, so that no link of theirs leads to a device that was not
 * attested. GPUs list the switches, switches list the GPUs.
 */
import { type FindingDraft, passed, warned } from '@assay/bytes/findings';
import type { ClaimSet } from '../verifier.js';
import { attributeTexts, type Certificate } from '../x509/index.js';
import type { AuthenticReport } from './authenticate.js';
import { isSwitch } from './device.js';
import { linkedGpus, linkedSwitches, switchPdi } from './report/opaque.js';

const GPUS = 8;
const SWITCHES = 4;

/** One device's own identifier, and those that it is linked to. */
export interface Node {
  readonly kind: 'gpu' | 'switch';
  /** Undefined where the device does not say: then only what others say of it counts. */
  readonly own: string | undefined;
  readonly peers: ReadonlySet<string> | undefined;
}

export interface Topology {
  /** None where there is one device only: then nobody asks. */
  readonly findings: readonly FindingDraft[];
  readonly claimSets: readonly ClaimSet[];
}

/** The claim set of a complete topology; for anything else a line that says why there is none. */
export function judgeTopology(nodes: readonly Node[], emulated: boolean): Topology {
  const gpus = nodes.filter(({ kind }) => kind === 'gpu');
  const switches = nodes.filter(({ kind }) => kind === 'switch');
  if (switches.length === 0 || nodes.length < 2) return { findings: [], claimSets: [] };
  const what = problem(gpus, switches);
  if (what !== undefined) {
    const finding = warned('nvidia.topology.complete', {
      subject: 'ppcie',
      params: { what },
      expected: [GPUS, SWITCHES],
      actual: [gpus.length, switches.length],
      compare: { relation: 'equal', type: 'integer' },
      source: 'peers that the devices report',
      origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'protected PCIe' },
    });
    return { findings: [finding], claimSets: [] };
  }
  return {
    findings: [passed('nvidia.topology.complete', 'ppcie')],
    claimSets: [
      {
        class: 'ppcie',
        claims: { switch_count: SWITCHES, gpu_count: GPUS, ...(emulated ? { emulated: true } : {}) },
        origins: { '': 'nvidia.topology.complete' },
      },
    ],
  };
}

function problem(gpus: readonly Node[], switches: readonly Node[]): string | undefined {
  if (gpus.length !== GPUS || switches.length !== SWITCHES)
    return `${gpus.length} GPUs and ${switches.length} switches`;
  const switchIds = new Set(switches.flatMap(({ own }) => (own === undefined ? [] : [own])));
  if (switchIds.size !== SWITCHES) return 'switches do not name themselves, each its own';
  if (!gpus.every(({ peers }) => same(peers, switchIds))) return 'a GPU is linked to other switches';
  const linked = switches[0]?.peers;
  if (linked?.size !== GPUS) return `a switch is linked to ${linked?.size ?? 'unknown'} GPUs`;
  if (!switches.every(({ peers }) => same(peers, linked))) return 'switches are linked to different GPUs';
  const gpuIds = gpus.map(({ own }) => own);
  // The service's claims do not say which GPU is which: then the lists alone must agree.
  if (gpuIds.every((id) => id === undefined)) return undefined;
  return same(new Set(gpuIds.map((id) => id ?? '')), linked) ? undefined : 'switches are linked to other GPUs';
}

/** What an authentic report says of the links of its device. */
export function nodeOf({ arch, certificates, report }: AuthenticReport): Node {
  if (isSwitch(arch)) return { kind: 'switch', own: switchPdi(report.opaque), peers: linkedGpus(report.opaque) };
  return { kind: 'gpu', own: gpuPdi(certificates), peers: linkedSwitches(report.opaque) };
}

const SERIAL_NUMBER = '2.5.4.5';

/** A GPU's identifier stands in the serial number of the name of its boot ROM's certificate, behind one octet. */
function gpuPdi([, rom]: readonly Certificate[]): string {
  const [serial = ''] = rom === undefined ? [] : attributeTexts(rom.subject, SERIAL_NUMBER);
  return /^[0-9A-Fa-f]{18}$/.test(serial) ? serial.slice(2).toLowerCase() : '';
}

function same(left: ReadonlySet<string> | undefined, right: ReadonlySet<string>): boolean {
  return left?.size === right.size && [...left].every((id) => right.has(id));
}
