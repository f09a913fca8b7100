import { randomBytes } from 'node:crypto';
import { serveRpc } from '@assay/guest/services';
import { toldToEnd } from '../agent/lifetime.js';
import { reporter, starting } from '../agent/report.js';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { keyFolder } from './key-folder.js';
import { KeyProvider } from './provider.js';
import { registrarOf } from './registrar.js';
import { keyProviderService } from './service.js';

export interface ServeFlags extends CommonFlags {
  readonly listen: string;
  readonly kbs?: string;
  readonly authPrivateKey?: string;
  readonly certFile?: string;
  readonly keys?: string;
  readonly unwrap?: boolean;
  readonly replace?: boolean;
  readonly allowSample?: boolean;
  readonly packet: 'coco' | 'eaa';
}

/** `assay key-provider serve`: listens until it is told to end. */
export async function serveKeyProvider(flags: ServeFlags): Promise<void> {
  const output = outputOf(flags);
  const { kbs, authPrivateKey, certFile, keys, unwrap = false, replace = false, allowSample = false, packet } = flags;
  if (unwrap && keys === undefined) {
    throw new CliError('--unwrap needs --keys: a key broker gives keys to attested guests only', EXIT.usage);
  }
  if (kbs === undefined && authPrivateKey !== undefined) {
    throw new CliError('--auth-private-key without --kbs: there is no key broker to use it for', EXIT.usage);
  }
  const flagsOfKbs = {
    ...(authPrivateKey === undefined ? {} : { authPrivateKey }),
    ...(certFile === undefined ? {} : { certFile }),
  };
  const provider = new KeyProvider({
    packet,
    allowSample,
    replace,
    unwrap,
    random: (length) => randomBytes(length),
    ...(keys === undefined ? {} : { keys: keyFolder(keys) }),
    ...(kbs === undefined ? {} : { registrar: registrarOf({ kbs, ...flagsOfKbs }, process.env, () => new Date()) }),
    onWrap: (kid) => output.note(`wrapped for ${kid}`),
  });
  const { onDefect } = reporter(output, 'key-provider');
  const service = keyProviderService(provider, onDefect);
  const server = await starting(() => serveRpc(flags.listen, [service], { onDefect }));
  const end = toldToEnd();
  output.result({ listening: server.address, kbs: kbs ?? null }, (out) => {
    out.write(`listening on ${server.address}\n`);
    out.write(kbs === undefined ? 'keys are registered nowhere\n' : `keys are registered at ${kbs}\n`);
  });
  await end;
  await server.close();
}
