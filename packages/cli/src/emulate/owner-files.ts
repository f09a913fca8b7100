/** Files that owners of servers for Hygon and IBM machines keep, of the emulated ones: what has no PEM of roots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seFiles, type TestWorld } from '@assay/soft-tee';

/** Writes them below a folder. @returns the sections of settings that name them */
export function writeOwnerFiles(world: TestWorld, folder: string): string {
  return `${hygon(world, join(folder, 'hygon'))}\n${secureExecution(world, join(folder, 'se'))}`;
}

/** The root, and HSK and CEK of the processors in the layout of Trustee's offline store. */
function hygon({ hygon: vendor }: TestWorld, folder: string): string {
  vendor.chip();
  for (const chip of vendor.chips()) {
    mkdirSync(join(folder, 'hsk_cek', chip.serial), { recursive: true });
    writeFileSync(join(folder, 'hsk_cek', chip.serial, 'hsk_cek.cert'), vendor.hskCek(chip));
  }
  const hrk = join(folder, 'hrk.cert');
  writeFileSync(hrk, vendor.hrk());
  return `[csv]\nhygon_kds = "off"\nhsk_cek_folder = "${join(folder, 'hsk_cek')}"\nemulated_hrks = ["${hrk}"]\n`;
}

/** A host-key document with what it hangs on, and the header of an image. */
function secureExecution(world: TestWorld, folder: string): string {
  const { certificates, crls, hostKeyDocument, imageHeader, root } = seFiles(world);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const settings = {
    host_key_documents: [write('hkd.crt', hostKeyDocument)],
    certificates: [write('certificates.pem', certificates.join(''))],
    crls: crls.map((crl, index) => write(`${index + 1}.crl`, crl)),
    root_ca: [write('root_ca.crt', root)],
    image_headers: [write('hdr.bin', imageHeader)],
  };
  const lines = Object.entries(settings).map(([key, paths]) => `${key} = ${JSON.stringify(paths)}\n`);
  return `[se]\n${lines.join('')}`;
}
