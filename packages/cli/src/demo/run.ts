import { DEFAULT_POLICIES } from '@assay/attestation-service';
import { encodeHex, isJsonObject, type JsonObject } from '@assay/bytes';
import { parse } from '@assay/evidence/tdx';
import { parseResourceUri } from '@assay/protocol';
import { emulatedAttester, tdxQuote } from '@assay/soft-tee';
import { createKbc } from '../client/broker.js';
import { type CommonFlags, outputOf } from '../command.js';
import { explain } from '../commands/audit.js';
import { EXIT } from '../exit.js';
import { terminalOf } from '../terminal/style.js';
import { type Narrator, narratorOn, silent } from './narrator.js';
import { type Refusal, type Scene, type Stage, scenes } from './scenes.js';
import { createWorld, type DemoWorld, tapped } from './world.js';

const resource = 'default/key/1';
const secret = 'the secret: correct horse battery staple';

/** Lines of an explanation that the demo shows; `assay audit show` has all. */
const explanationLines = 12;

interface Played {
  readonly scene: string;
  readonly refusal: Refusal;
}

/** Plays the whole story. Ends with exit code 0 only if everything went as told. */
export async function runDemo(flags: CommonFlags): Promise<void> {
  const output = outputOf(flags);
  const tell = output.json ? silent : narratorOn({ ...terminalOf(process.stdout), width: 80 });
  const begun = performance.now();
  tell.heading('Assay: a guest proves itself, and gets its secret');
  const world = await createWorld();
  try {
    await prepare(world, tell);
    const stage = await honestGuest(world, tell);
    const played: Played[] = [];
    for (const [index, scene] of scenes.entries())
      played.push({ scene: scene.title, refusal: await play(index + 1, scene, stage, tell) });
    const seconds = (performance.now() - begun) / 1000;
    closing(tell, seconds);
    output.result({ ok: true, secret: 'released to the honest guest', refusals: played, seconds }, () => {});
  } finally {
    await world.close();
  }
  process.exitCode = EXIT.done;
}

async function prepare(world: DemoWorld, tell: Narrator): Promise<void> {
  tell.heading('The owner’s side');
  tell.step(
    `server started on ${world.url}`,
    'KBS, Attestation Service and RVPS in one process; SQLite and a key file in a temporary folder; TLS; the hardware vendor is emulated on a port of its own',
  );
  const expected = measured(world);
  for (const [name, value] of Object.entries(expected)) {
    await world.owner.json('PUT', `/api/v1/reference-values/${name}`, { value: [value] });
  }
  tell.step('reference values published', `what you expect of a guest: ${Object.keys(expected).join(', ')}`);
  await world.owner.json('PUT', '/api/v1/attestation-policies/default_cpu', { text: developmentPolicy() });
  tell.step(
    'attestation policy set: the default one, made to accept emulated hardware',
    'the default refuses it, and trusts no test root unless you name its certificate',
  );
  await world.owner.json('PUT', '/api/v1/resource-policy', { text: await affirmingPolicy() });
  tell.step('resource policy set: only guests whose every part is `affirming`');
  await world.owner.bytes('PUT', `/api/v1/resources/${resource}`, Buffer.from(secret));
  tell.step(`secret stored as ${resource}`, 'encrypted on disk, under a key that is not in the database');
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

async function honestGuest(world: DemoWorld, tell: Narrator): Promise<Stage> {
  tell.heading('An honest guest, in an emulated TDX machine');
  let recorded: JsonObject = {};
  let cookie = '';
  const kbc = createKbc({
    transport: tapped(
      async (request) => {
        cookie = request.headers['cookie'] ?? cookie;
        return world.transport(request);
      },
      (body) => {
        recorded = body;
        return body;
      },
    ),
    attester: emulatedAttester('tdx', world.hardware),
    devices: [],
  });
  await kbc.attest();
  tell.step(
    'attested over HTTPS (protocol 0.4.0)',
    `quote verified up to the emulated vendor’s root, with its TCB info, identities and revocation lists; bound to nonce and key; attempt ${kbc.lastAttempt ?? ''}`,
  );
  const got = Buffer.from(await kbc.getResource(parseResourceUri(resource))).toString('utf8');
  if (got !== secret) throw new Error('the guest got something else than the secret');
  tell.step(
    `got ${resource} and decrypted it: “${got}”`,
    'the answer was encrypted to the attested key (ECDH-ES+A256KW, A256GCM)',
  );
  if (!isJsonObject(recorded['runtime-data'] ?? null)) throw new Error('nothing was recorded');
  return { world, recorded, cookie, resource };
}

async function play(number: number, scene: Scene, stage: Stage, tell: Narrator): Promise<Refusal> {
  tell.heading(`${number}. ${scene.title}`);
  tell.says(scene.tells);
  const refusal = await scene.play(stage);
  const attempt = refusal.attempt === undefined ? '' : `, attempt ${refusal.attempt}`;
  tell.refused(`refused: status ${refusal.status}, code ${refusal.code}${attempt}`);
  if (refusal.left !== undefined) tell.refused(`with the cookie alone it gets ${refusal.left}`);
  tell.plain('    The owner reads:');
  tell.owner(await ownersView(stage.world, refusal));
  return refusal;
}

async function ownersView(world: DemoWorld, refusal: Refusal): Promise<string> {
  if (refusal.problem !== undefined) return `${refusal.problem.detail}\ndo: ${refusal.problem.remedy}`;
  const detail = (await world.owner.json('GET', `/api/v1/attestations/${refusal.attempt ?? ''}`)) as Parameters<
    typeof explain
  >[1];
  // The attempt's id stands above already; without it every line fits beside the bar.
  const { attempt: _shown, ...verdict } = detail.verdict ?? {};
  const text = explain(
    { ...terminalOf(process.stdout), width: 70 },
    detail.verdict === undefined ? detail : { ...detail, verdict: verdict as typeof detail.verdict },
  )
    .trimEnd()
    .split('\n');
  const [, ...lines] = text.filter((line, index) => line !== '' || text[index - 1] !== '');
  const shown = lines.filter((line) => line !== '').slice(0, explanationLines);
  const rest = lines.filter((line) => line !== '').length - shown.length;
  return rest > 0 ? `${shown.join('\n')}\n… ${rest} more lines in \`assay audit show\`` : shown.join('\n');
}

function closing(tell: Narrator, seconds: number): void {
  tell.heading(`Done in ${seconds.toFixed(1)} s: one secret released, eight attempts refused and explained.`);
  tell.plain(`
Try next:
  npm run build                            once, so that \`npx assay\` starts fast
  npx assay serve --insecure-http          a server of your own, in ./assay-data
  npx assay login --server http://127.0.0.1:8080
  npx assay audit list                     what guests tried, and why it failed
  docs/guides/first-server.md              the same, word for word
`);
}
