/** The story of the image: published, started by a guest that proves itself, refused to one that cannot, changed in the registry. */
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '@assay/bytes';
import { AssayError, type FindingId } from '@assay/bytes/findings';
import { KbcError } from '@assay/guest';
import { PullError } from '@assay/guest/services';
import { isEncrypted } from '@assay/ocicrypt';
import { parseResourceUri } from '@assay/protocol';
import type { Cast, HonestGuest, Played, PublishedImage } from '../cast.js';
import { defective, guest, refusalOf } from '../scenes.js';
import { auditOf, briefly, explanation, reasonOf, reasonsOf } from '../why.js';
import { tapped } from '../world.js';
import { type GuestImages, guestImages, nothingLeft } from './guest.js';
import { buildGreeter, encryptGreeter, KEY, LINE, POLICY, pushGreeter, REPOSITORY, signGreeter } from './publish.js';
import { start } from './start.js';
import { changeOneByte, replaceImage } from './tamper.js';

const TAG = 'v1';
const POLICY_URI = `kbs:///${POLICY}`;

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
  await signGreeter(reference, copied.digest, world.owner);
  tell.step(
    'signed; policy for images and public key put into the key broker',
    'guests fetch both once they have attested: this image with this signature, and no other',
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
  const images = guestImages(kbc, join(world.folder, 'honest'), reference, POLICY_URI);
  const pulled = await images.pull();
  if (pulled !== digest) throw new Error('the guest pulled another image than the one that was pushed');
  const attempt = kbc.lastAttempt ?? '';
  const audited = await auditOf(world, attempt);
  const released = audited.releases.filter(({ decision }) => decision === 'released');
  if (!released.some(({ resource }) => resource.endsWith(KEY)))
    throw new Error('the audit knows of no release of the key');
  if (!isJsonObject(recorded['runtime-data'] ?? null)) throw new Error('nothing was recorded');
  tell.step(
    `attested, with a TDX quote (emulated); attempt ${attempt}`,
    'genuine: signed up to the vendor’s root, nothing revoked, microcode and firmware up to date',
    'as expected: its measurements are the published ones',
    'fresh: bound to the broker’s nonce and the guest’s key',
  );
  tell.step(
    'signature verified: the image is the owner’s',
    'by the policy and the key that the broker gave this guest',
  );
  tell.step(`key released: ${KEY}`, 'encrypted to the guest’s attested key: nobody else can open it');
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
    'digests and HMACs match; the bundle is ready for a container runtime',
  );
  const how = {
    container: `it runs, in a container of ${started.runtime}, and prints:`,
    process: 'it runs, as an ordinary process in no container, for show, and prints:',
    none: 'it was not started: this machine runs no programs of Linux. Its file reads:',
  }[started.how];
  tell.step(how, ...(started.why === undefined ? [] : [started.why]));
  tell.printed(LINE);
  return { attempt, started, recorded, cookie };
}

/** The same image, and a guest that was started from other firmware. */
export async function tamperedGuest({ world, tell, out }: Cast, { reference }: PublishedImage): Promise<Played> {
  const scene = 'The same image, on a guest that was tampered with';
  tell.heading(`4. ${scene}`);
  tell.says(
    'Genuine hardware, honestly attested; but somebody changed the firmware that the guest was started from, so its measurement (MRTD) is another one.',
  );
  const kbc = defective(world, 'changed-measurement');
  const images = guestImages(kbc, join(world.folder, 'tampered'), reference, POLICY_URI);
  const error = await failureOf(images);
  const { cause } = error;
  if (!(cause instanceof KbcError) || cause.code === undefined || cause.attempt === undefined) throw error;
  tell.refused(`refused: status ${cause.status}, code ${cause.code}. That is all the guest is told`);
  // Whoever changed the guest may ask for the key without caring for policies.
  const direct = await refusalOf(kbc.getResource(parseResourceUri(KEY)));
  tell.refused(`it asks for the key itself, ${KEY}: refused, ${direct.code}`);
  const files = nothingLeft(images.files(), LINE);
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

/** What somebody who runs the registry does to the image. */
interface Change {
  readonly scene: string;
  readonly tells: string;
  readonly expects: FindingId;
  readonly make: (cast: Cast, reference: string) => Promise<void> | void;
}

const CHANGES: readonly Change[] = [
  {
    scene: 'One byte of a layer is flipped',
    tells: 'The manifest is the one that was signed; what it names is no longer there.',
    expects: 'image.manifest.digest',
    make: ({ registry }) => changeOneByte(registry, `${REPOSITORY}:${TAG}`),
  },
  {
    scene: 'Another image takes its place',
    tells: 'It is not encrypted, every digest fits, and it is signed: by a key of somebody else.',
    expects: 'signature.key.match',
    make: ({ world }, reference) => replaceImage(reference, join(world.folder, 'replacement')),
  },
];

/** The guest is the honest one; whoever runs the registry is not. */
export async function changedImages(cast: Cast, { reference }: PublishedImage): Promise<readonly Played[]> {
  const { world, tell } = cast;
  tell.heading('5. The image, changed where it is stored');
  tell.says('The guest is genuine; whoever runs the registry is not honest. Beside the bar stands the guest’s log.');
  const all: Played[] = [];
  for (const [index, { scene, tells, expects, make }] of CHANGES.entries()) {
    tell.plain(`\n  ${'ab'[index]}. ${scene}`);
    tell.says(tells);
    await make(cast, reference);
    const folder = join(world.folder, `changed-${index}`);
    const images = guestImages(guest(world, world.transport), folder, reference, POLICY_URI);
    const error = await failureOf(images);
    const { cause } = error;
    if (!(cause instanceof AssayError)) throw error;
    const files = nothingLeft(images.files(), LINE);
    tell.refused(`refused by the guest itself; ${files} files are in its folders`);
    const finding = reasonOf(cause.finding);
    tell.ownerProse(briefly(finding));
    all.push(told({ scene, code: cause.code, files, findings: [finding] }, undefined, expects));
  }
  return all;
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

/** A refusal for another reason than the one that the scene is about must not be told as it. */
export function told(played: Omit<Played, 'status'>, status: number | undefined, expected: string): Played {
  const ids = played.findings.map(({ id }) => id as string);
  if (!ids.includes(expected)) throw new Error(`${played.scene}: refused by ${ids.join(', ') || played.code}`);
  return status === undefined ? played : { ...played, status };
}
