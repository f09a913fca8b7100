import { build, type Metafile } from 'esbuild';
import { expect, test } from 'vitest';
import { guestBuild } from './bundle-guest.js';

/** What `agent serve` runs before anything is asked for: the entry, its three services, and all that they import other than by a call. */
const SERVED = /packages\/cli\/src\/(?:guest-main|agent\/(?:attestation-agent|data-hub|api-server))\.ts$/;

function runAtStart({ inputs }: Metafile): readonly string[] {
  const found = new Set(Object.keys(inputs).filter((path) => SERVED.test(path)));
  expect(found.size).toBe(4);
  for (const path of found) {
    for (const { kind, path: imported } of inputs[path]?.imports ?? [])
      if (kind !== 'dynamic-import' && inputs[imported] !== undefined) found.add(imported);
  }
  return [...found];
}

test('the guest runs at its start what it needs to serve, and nothing of images', async () => {
  const { metafile } = await build({ ...guestBuild('guest.mjs'), metafile: true, write: false });
  // Each costs megabytes of a guest's memory and a part of its start: import it where it is used.
  const heavy = /packages\/(?:oci|ocicrypt)\/src\/index\.ts$|node_modules\/(?:undici|openpgp|@grpc|yaml|jose)\//;
  expect(Object.keys(metafile.inputs).filter((path) => heavy.test(path))).not.toEqual([]);
  expect(runAtStart(metafile).filter((path) => heavy.test(path))).toEqual([]);
});
