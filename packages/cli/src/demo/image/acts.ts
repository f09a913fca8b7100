/** The story of the image: published, started by a guest that proves itself, refused to one that cannot, changed in the registry. */
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { KbcError } from '@assay/guest';
import { PullError } from '@assay/guest/services';
import { parseReference, registrySource } from '@assay/oci';
import { isEncrypted } from '@assay/ocicrypt';
import type { Cast, HonestGuest, Played, PublishedImage } from '../cast.js';
import { defective, guest } from '../scenes.js';
import { auditOf, briefly, explanation, reasonOf, reasonsOf } from '../why.js';
import { tapped } from '../world.js';
import { type GuestImages, guestImages, holds } from './guest.js';
import { buildGreeter, encryptGreeter, KEY, LINE, pushGreeter, REPOSITORY } from './publish.js';
import { start } from './start.js';
import { changeOneByte } from './tamper.js';

const TAG = 'v1';

export async function publish({ world, registry, peers, tell }: Cast): Promise<PublishedImage> {
  tell.heading('2. The owner builds an image, encrypts it and pushes it');
  const [plain, encrypted] = [join(world.folder, 'plain'), join(world.folder, 'encrypted')];
  await buildGreeter(plain);
  tell.step('image built, of two layers: a program, and the line that it prints');
  const copied = await encryptGreeter(plain, encrypted, world, world.folder);
  tell.step(
    'both layers encrypted, for whoever gets the key',
    `the key provider (gRPC, ${copied.provider}) made the key and put it into the key broker as ${KEY}; nobody else has it`,
  );
  const reference = `${registry.host}/${REPOSITORY}:${TAG}`;
  const pushed = await pushGreeter(encrypted, reference, peers.skopeo);
  const [type, ...others] = new Set(pushed.types);
  if (type === undefined || others.length > 0 || !isEncrypted(type)) throw new Error('a layer was pushed as it is');
  const reads = pushed.by === 'skopeo' ? 'skopeo reads there' : 'it holds';
  const trouble = pushed.trouble === undefined ? '' : `skopeo is here, and did not do it (${pushed.trouble}); `;
  tell.step(
    pushed.by === 'skopeo' ? `pushed by skopeo to ${reference}` : `pushed to ${reference}`,
    `${trouble}a registry that runs in this demo; ${reads} ${pushed.types.length} layers of type ${type}`,
  );
  return { reference, digest: copied.digest, key: KEY, pushed };
}

export async function honestGuest(
  { world, peers, tell }: Cast,
  { reference, digest }: PublishedImage,
): Promise<HonestGuest> {
  tell.heading('3. A guest that proves itself starts it');
  let recorded: JsonObject = {};
  let cookie = '';
  const kbc = guest(
    world,
    tapped(
      async (request) => {
        cookie = request.headers['cookie'] ?? cookie;
        return world.transport(request);
      },
      (body) => {
        recorded = body;
        return body;
      },
    ),
  );
  const images = guestImages(kbc, join(world.folder, 'honest'), reference);
  const pulled = await images.pull();
  if (pulled !== digest) throw new Error('the guest pulled another image than the one that was pushed');
  const attempt = kbc.lastAttempt ?? '';
  const audited = await auditOf(world, attempt);
  const release = audited.releases.find(({ decision }) => decision === 'released');
  if (!release?.resource.endsWith(KEY)) throw new Error('the audit knows of no release of the key');
  if (!isJsonObject(recorded['runtime-data'] ?? null)) throw new Error('nothing was recorded');
  tell.step(
    'attested, with a TDX quote (emulated)',
    `genuine: signed up to the vendor’s root, TCB up to date, nothing revoked; as expected: measurements are the published ones; fresh: bound to the broker’s nonce and the guest’s key. Attempt ${attempt}`,
  );
  tell.step(`key released: ${KEY}`, 'encrypted to the key that was attested, so that this guest alone can open it');
  const started = await start(
    {
      bundle: images.bundle,
      peers,
      state: join(world.folder, 'runtime'),
      layout: join(world.folder, 'plain'),
    },
    LINE,
  );
  if (started.output !== LINE) throw new Error('the image does not hold the line that was put into it');
  tell.step(
    'layers decrypted and unpacked, within the guest',
    'every digest and HMAC was compared; the bundle is ready for a container runtime',
  );
  const how = {
    container: `it runs, in a container of ${started.runtime}, and prints:`,
    process: 'it runs, as an ordinary process in no container, for show, and prints:',
    none: 'it was not started: this machine runs no programs of Linux. Its file reads:',
  }[started.how];
  tell.step(how, started.why);
  tell.printed(LINE);
  return { attempt, started, recorded, cookie };
}

/** The same image, and a guest that was started from other firmware. */
export async function tamperedGuest({ world, tell, out }: Cast, { reference }: PublishedImage): Promise<Played> {
  const scene = 'The same image, on a guest that was tampered with';
  tell.heading(`4. ${scene}`);
  tell.says('Genuine hardware, honestly attested; but somebody changed its firmware, so its MRTD is another one.');
  const kbc = defective(world, 'changed-measurement');
  const images = guestImages(kbc, join(world.folder, 'tampered'), reference);
  const error = await failureOf(images);
  const { cause } = error;
  if (!(cause instanceof KbcError) || cause.code === undefined || cause.attempt === undefined) throw error;
  tell.refused(`refused: status ${cause.status}, code ${cause.code}. That is all the guest is told`);
  const files = nothingLeft(images);
  tell.step(`nothing was decrypted: ${files} files in the guest’s folders, no bundle, no layer`);
  const audited = await auditOf(world, cause.attempt);
  if (audited.releases.some(({ decision }) => decision === 'released')) throw new Error('the key was released');
  tell.plain(`    The owner reads why (assay audit show ${cause.attempt}):`);
  tell.owner(explanation(out, audited));
  return told(
    { scene, code: cause.code, attempt: cause.attempt, files, findings: reasonsOf(audited) },
    cause.status,
    'rv.match.any',
  );
}

/** The registry's operator changes the image; the guest is the honest one. */
export async function changedImage({ world, registry, tell }: Cast, { reference }: PublishedImage): Promise<Played> {
  const scene = 'The image, changed where it is stored';
  tell.heading(`5. ${scene}`);
  tell.says(
    'Whoever runs the registry flips one byte of a layer and makes every digest fit again. The guest is the honest one, and gets the key.',
  );
  changeOneByte(registry, `${REPOSITORY}:${TAG}`);
  await mustBeThere(reference);
  const images = guestImages(guest(world, world.transport), join(world.folder, 'changed'), reference);
  const error = await failureOf(images);
  const { cause } = error;
  if (!(cause instanceof AssayError)) throw error;
  const finding = reasonOf(cause.finding);
  tell.refused('refused by the guest itself, before anything of it is started');
  const files = nothingLeft(images);
  tell.step(`nothing is left of it: ${files} files in the guest’s folders`);
  tell.plain('    Its log says why:');
  tell.ownerProse(briefly(finding));
  return told({ scene, code: cause.code, files, findings: [finding] }, undefined, 'image.layer.hmac');
}

/** What follows must fail for its own reason, not because the image is gone. */
async function mustBeThere(reference: string): Promise<void> {
  const source = await registrySource(parseReference(reference), { insecure: true });
  await source.close();
}

async function failureOf(images: GuestImages): Promise<PullError> {
  try {
    await images.pull();
  } catch (error) {
    if (error instanceof PullError) return error;
    throw error;
  }
  throw new Error('the image was pulled');
}

/** @returns how many files are left: none, or the demo ends here */
function nothingLeft(images: GuestImages): number {
  const files = images.files();
  if (files.length > 0) {
    const what = holds(files, LINE) ? 'the line of the image' : 'files';
    throw new Error(`the guest was refused, and has ${what}: ${files.join(', ')}`);
  }
  return files.length;
}

/** A refusal for another reason than the one that the scene is about must not be told as it. */
export function told(played: Omit<Played, 'status'>, status: number | undefined, expected: string): Played {
  const ids = played.findings.map(({ id }) => id as string);
  if (!ids.includes(expected)) throw new Error(`${played.scene}: refused by ${ids.join(', ') || played.code}`);
  return status === undefined ? played : { ...played, status };
}
