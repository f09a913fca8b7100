// One layer through the stream step, from a file to nowhere: prints seconds and peak memory.
import { randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { countBeside } from '@assay/oci';
import { LayerDecryption, LayerEncryption } from '@assay/ocicrypt';

const [action, file = ''] = process.argv.slice(2);
const { size } = statSync(file);
const read = () => createReadStream(file, { highWaterMark: 1024 * 1024 });
const nowhere = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of source) {
    // Read and dropped, as /dev/null does.
  }
};

let seconds: number;
if (action === 'encrypt') {
  const begin = performance.now();
  await pipeline(read(), new LayerEncryption((length) => randomBytes(length), countBeside(size)), nowhere);
  seconds = (performance.now() - begin) / 1000;
} else {
  // The file is taken for ciphertext: its HMAC is not the one given, which shows at the end, after all of the work.
  const options = { symmetricKey: randomBytes(32), digest: `sha256:${'0'.repeat(64)}`, nonce: randomBytes(16) };
  const decryption = new LayerDecryption(
    { cipher: 'AES_256_CTR_HMAC_SHA256', hmac: randomBytes(32) },
    options,
    'layer',
    countBeside(size),
  );
  const begin = performance.now();
  const failure: unknown = await pipeline(read(), decryption, nowhere).catch((error: unknown) => error);
  seconds = (performance.now() - begin) / 1000;
  if ((failure as { code?: string }).code !== 'image.layer.hmac') throw failure;
}
const mib = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, mib }));
