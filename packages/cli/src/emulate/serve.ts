import { writeFileSync } from 'node:fs';
import { startEmulatedKds, startEmulatedNvidia, startEmulatedPcs, type TestWorld } from '@assay/soft-tee';
import { defaultWorldFile, keepWorld, openWorld } from '../client/emulated.js';
import { outputOf } from '../command.js';
import type { EmulateFlags } from '../commands/emulate.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';
import { writeOwnerFiles } from './owner-files.js';

/** Runs emulated vendor services until it is told to stop. */
export async function serveVendors(flags: EmulateFlags): Promise<void> {
  const file = flags.world ?? defaultWorldFile();
  const world = openWorld(file);
  const roots = flags.roots ?? file.replace(/(\.json)?$/, '-roots.pem');
  // AMD's are RSA keys of 4096 bits: they are made here, once, and kept with the world.
  await world.amd.pki.prepare(['Milan']);
  writeFileSync(
    roots,
    world.intel.pki.root().pem +
      world.amd.ark('Milan').pem +
      [world.nitro.pki.root(), world.tpm.root(), world.se.pki.root(), ...nvidiaRoots(world)]
        .map(({ pem }) => pem)
        .join(''),
  );
  // CCA has no root: each machine's key is enrolled, and this world has one machine.
  const anchors = file.replace(/(\.json)?$/, '-cca-anchors.json');
  writeFileSync(anchors, world.cca.trustAnchors());
  // SEV's root is a file of AMD's own form, older than their X.509 certificates.
  const ark = file.replace(/(\.json)?$/, '-sev-ark.cert');
  writeFileSync(ark, world.sev.ark());
  const owner = writeOwnerFiles(world, file.replace(/(\.json)?$/, '-files'));
  // Machines that guests of other processes run on: the services answer for those that they know.
  world.intel.platform();
  world.amd.chip();
  world.nvidia.device();
  keepWorld(file, world);
  const pcs = await startEmulatedPcs(world, { kind: 'pccs', port: portOf('--pcs-port', flags.pcsPort) });
  const kds = await startEmulatedKds(world, { port: portOf('--kds-port', flags.kdsPort) });
  const nvidia = await startEmulatedNvidia(world, { port: portOf('--nvidia-port', flags.nvidiaPort) });
  const settings = `[collateral]\npccs = ["${pcs.url}"]\nintel_pcs = "off"\namd_kds = "${kds.url}"\nallow_http = true\n\n[trust]\nemulated_roots = ["${roots}"]\n\n[cca]\nemulated_trust_anchors = "${anchors}"\n\n[sev]\nemulated_ark = ["${ark}"]\n\n[nvidia]\nrim_service = "${nvidia.url}"\nocsp_responder = "${nvidia.url}/ocsp"\n\n${owner}`;
  outputOf(flags).result(
    { pcs: pcs.url, kds: kds.url, nvidia: nvidia.url, roots, cca_trust_anchors: anchors, sev_ark: ark, settings },
    (out) => {
      out.write(
        `${styled(out, 'green', 'ready')}  emulated PCS ${pcs.url}, emulated KDS ${kds.url}, NVIDIA ${nvidia.url}\n\n`,
      );
      out.write(
        `A server for development trusts them with these settings (assay serve --config FILE):\n\n${settings}\n`,
      );
      out.write(`Guests: ${styled(out, 'cyan', 'assay client attest --tee emulated-tdx')}\n`);
      out.write(
        `With \`listen\` in [sev] too: ${styled(out, 'cyan', 'assay sev launch --kbs HOST:PORT --firmware FILE')}\n`,
      );
    },
  );
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  await pcs.close();
  await kds.close();
  await nvidia.close();
}

/** Of devices, of reference manifests, of DPUs. */
function nvidiaRoots(world: TestWorld): readonly { readonly pem: string }[] {
  const { pki } = world.nvidia;
  return [pki.root(), pki.manifestRoot(), pki.dpu(1n, world.now()).root];
}

function portOf(flag: string, text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) throw new CliError(`${flag}: \`${text}\` is not a port`, EXIT.usage);
  return port;
}
