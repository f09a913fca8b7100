import { type CommonFlags, outputOf } from '../command.js';
import { EXIT } from '../exit.js';
import { terminalOf } from '../terminal/style.js';
import type { Cast, HonestGuest, Played } from './cast.js';
import { changedImages, honestGuest, publish, tamperedGuest, told } from './image/acts.js';
import { findPeers } from './image/peers.js';
import { KEY } from './image/publish.js';
import { startRegistry } from './image/registry.js';
import { type Narrator, narratorOn, silent } from './narrator.js';
import { prepare } from './prepare.js';
import { type Scene, scenes } from './scenes.js';
import { auditOf, briefly, type Reason, reasonsOf } from './why.js';
import { createWorld } from './world.js';

export type DemoFlags = CommonFlags & { readonly nodeOnly?: boolean };

/** Plays the whole story. Ends with exit code 0 only if everything went as told. */
export async function runDemo(flags: DemoFlags): Promise<void> {
  const output = outputOf(flags);
  const out = terminalOf(process.stdout);
  const tell = output.json ? silent : narratorOn(out);
  const begun = performance.now();
  tell.heading('Assay: an encrypted container image, and who gets its key');
  tell.plain('');
  tell.says(INTRODUCTION);
  const registry = await startRegistry();
  const world = await createWorld().catch(async (error: unknown) => {
    await registry.close();
    throw error;
  });
  try {
    const peers = flags.nodeOnly === true ? { unasked: true as const } : findPeers(process.env['PATH'] ?? '');
    // Explanations stand beside a bar.
    const cast: Cast = { world, registry, peers, tell, out: { ...out, width: out.width - 10 } };
    await prepare(cast);
    const image = await publish(cast);
    const honest = await honestGuest(cast, image);
    const refusals = [await tamperedGuest(cast, image), ...(await changedImages(cast, image))];
    tell.heading(`6. And ${NUMBERS[scenes.length] ?? scenes.length} others who want that key`);
    tell.says('Each of them is told a code, and no more. Beside the bar stands what the owner reads.');
    for (const [index, scene] of scenes.entries()) refusals.push(await play(cast, index, scene, honest));
    const seconds = (performance.now() - begun) / 1000;
    closing(tell, seconds, refusals.length);
    const { attempt, started } = honest;
    output.result({ ok: true, image, released: { key: KEY, attempt }, started, refusals, seconds }, () => {});
  } finally {
    await registry.close();
    await world.close();
  }
  process.exitCode = EXIT.done;
}

const INTRODUCTION =
  'An owner has an image that nobody may read, except guests that prove that they are genuine confidential machines and run what is expected. All of it happens on this machine, over real HTTPS and gRPC; the confidential hardware and its vendor are emulated.';
const NUMBERS: Readonly<Record<number, string>> = { 7: 'seven', 10: 'ten' };

async function play({ world, tell }: Cast, index: number, scene: Scene, honest: HonestGuest): Promise<Played> {
  tell.plain(`\n  ${'abcdefgh'[index]}. ${scene.title}`);
  tell.says(scene.tells);
  const refusal = await scene.play({ world, recorded: honest.recorded, cookie: honest.cookie, resource: KEY });
  tell.refused(`refused: status ${refusal.status}, code ${refusal.code}`);
  if (refusal.left !== undefined) tell.refused(`with the cookie alone it gets ${refusal.left}`);
  const findings: readonly Reason[] = refusal.reasons ?? reasonsOf(await auditOf(world, refusal.attempt ?? ''));
  const [first] = findings;
  if (first !== undefined) tell.ownerProse(briefly(first));
  const { code, attempt } = refusal;
  const played = { scene: scene.title, code, ...(attempt === undefined ? {} : { attempt }), findings };
  return told(played, refusal.status, scene.expects);
}

function closing(tell: Narrator, seconds: number, refused: number): void {
  tell.heading(
    `Done in ${seconds.toFixed(1)} s: one key released, ${NUMBERS[refused] ?? refused} attempts refused and explained.`,
  );
  tell.plain(`
Try next:
  npm run build                            once, so that \`npx assay\` starts fast
  docs/guides/first-server.md              a server of your own, word for word
  docs/guides/encrypted-images.md          your image, encrypted
  docs/guides/why-was-it-refused.md        reading an explanation
`);
}
