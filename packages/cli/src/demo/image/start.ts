/** Starts what a bundle holds: in a container where that works here, else as a process, else not at all; and says which. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { layoutSource, platformManifest, readBlob, readConfig, runtimeSpec } from '@assay/oci';
import { type Peers, runProgram } from './peers.js';
import { isMachine } from './program.js';

export interface Started {
  /** `container`: by `runtime`. `process`: on this machine, in no container. `none`: nothing was started, and the file was read. */
  readonly how: 'container' | 'process' | 'none';
  readonly runtime?: string;
  /** What was printed. */
  readonly output: string;
  /** Why no better way was taken. */
  readonly why?: string;
}

export interface StartOptions {
  readonly bundle: string;
  readonly peers: Peers;
  /** For what the runtime keeps while a container runs. */
  readonly state: string;
  readonly layout: string;
}

/** @param line what must come out; a way that prints something else did not work */
export async function start(options: StartOptions, line: string): Promise<Started> {
  const { bundle, peers } = options;
  const { runtime } = peers;
  let why = peers.unasked === true ? 'a container was not asked for (--node-only)' : 'no runc or crun is here';
  if (runtime !== undefined) {
    const name = basename(runtime);
    const { code, out, trouble } = await inContainer(options, runtime);
    if (code === 0 && out === `${line}\n`) return { how: 'container', runtime: name, output: line };
    why = `${name} is here, and cannot start a container (${trouble || 'it printed something else'})`;
  }
  const root = join(bundle, 'rootfs');
  if (process.platform === 'linux' && isMachine(process.arch)) {
    const { code, out, trouble } = await runProgram(join(root, 'bin/tell'), [join(root, 'greeting')]);
    if (code === 0 && out === `${line}\n`) return { how: 'process', output: line, why };
    why = `${why}; as a process: ${trouble || 'it printed something else'}`;
  }
  return { how: 'none', output: readFileSync(join(root, 'greeting'), 'utf8').trimEnd(), why };
}

async function inContainer({ bundle, state, layout }: StartOptions, runtime: string) {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const id = `assay-demo-${process.pid}`;
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (uid !== 0) await forUser(bundle, layout, { uid, gid });
  const ran = await runProgram(runtime, ['--root', state, 'run', '--bundle', bundle, id]);
  // Nothing of it is left when it ended well; otherwise whatever is, goes.
  if (ran.code !== 0) await runProgram(runtime, ['--root', state, 'delete', '--force', id]);
  return ran;
}

/** The same bundle for a user who is not root: guests unpack as root. */
async function forUser(bundle: string, layout: string, rootless: { readonly uid: number; readonly gid: number }) {
  const source = layoutSource(layout, 'v1');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const { manifest } = await platformManifest(source, { os: 'linux', architecture });
  const config = readConfig(await readBlob(source, manifest.config));
  const spec = await runtimeSpec(config, { rootfs: join(bundle, 'rootfs'), hostname: 'image-rs', rootless });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec, null, 2));
}
