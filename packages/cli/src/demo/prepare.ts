/** The owner's side: what is expected of guests, and who gets anything. */
import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { encodeHex } from '@assay/bytes';
import { parse } from '@assay/evidence/tdx';
import { tdxQuote } from '@assay/soft-tee';
import type { Cast } from './cast.js';
import type { DemoWorld } from './world.js';

export async function prepare({ world, tell }: Cast): Promise<void> {
  tell.heading('1. The owner says what is expected');
  tell.step(
    `server started on ${world.url}`,
    'key broker, attestation service and reference values in one process, in a temporary folder',
    'emulated: machines with Intel TDX (confidential virtual machines), and the vendor’s service (certificates, revocations, which versions of microcode and firmware are up to date)',
  );
  const expected = measured(world);
  for (const [name, value] of Object.entries(expected)) {
    await world.owner.json('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
  }
  tell.step(
    `reference values published: ${Object.keys(expected).join(', ')}`,
    'the measurements of the one guest that may have secrets: its firmware, kernel, initrd and command line',
  );
  await world.owner.json('PUT', '/api/v1/attestation-policies/default_cpu', { text: developmentPolicy() });
  await world.owner.json('PUT', '/api/v1/resource-policy', { text: await affirmingPolicy() });
  tell.step(
    'policies set: nobody gets anything, except guests of which every part is affirmed',
    'emulated hardware is believed in this demo alone: the default policy refuses it',
  );
}

/** What a build of the guest would publish: here it is read from the emulated TD that the honest guest runs in. */
function measured(world: DemoWorld): Readonly<Record<string, string>> {
  const { quote } = parse(tdxQuote(world.hardware, new Uint8Array(64)));
  if (quote === undefined) throw new Error('the emulated quote does not parse');
  const { mrTd, rtmrs, xfam } = quote.body;
  return { mr_td: encodeHex(mrTd), rtmr_1: encodeHex(rtmrs[1]), rtmr_2: encodeHex(rtmrs[2]), xfam: encodeHex(xfam) };
}

/** The default policy without its refusal of emulated hardware. */
function developmentPolicy(): string {
  const { default_cpu: text = '' } = DEFAULT_POLICIES;
  return text.replaceAll('\tnot emulated\n', '');
}

async function affirmingPolicy(): Promise<string> {
  const { POLICY_TEXTS } = await import('@assay/kbs');
  return POLICY_TEXTS.affirming;
}
