import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MEDIA_TYPE, sha256Digest } from '@assay/oci';
import { buildAssay, buildScript } from '../lib/build.js';
import { machine, percentile, type Report } from '../lib/report.js';

const MIB = 2 ** 20;
const SIZES = { small: 64 * MIB, large: 1024 * MIB } as const;
const ROUNDS = 3;

/**
 * Encryption and decryption of a layer of 1 GiB. The floor is the cipher and its HMAC, by OpenSSL's own programs over the same file:
 * `openssl enc -aes-256-ctr` and `openssl dgst -hmac`. An image needs digests as well, of the plain layer and, of a new one, of the
 * encrypted one: `all` is the floor with those, by `openssl dgst -sha256`. Against skopeo the whole commands encrypt and decrypt the whole image. All
 * take turns, each in a process of its own; peak memory is that process's.
 */
export async function benchImages(): Promise<Report> {
  const worker = await buildScript(new URL('worker.ts', import.meta.url), 'images-worker');
  const main = await buildAssay();
  const assayCopy = (action: string, args: readonly string[]): void => {
    execFileSync(process.execPath, [main, 'image', action, ...args], { stdio: 'pipe' });
  };
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-images-'));
  try {
    const files = { small: join(folder, 'small'), large: join(folder, 'large') };
    for (const name of ['small', 'large'] as const) await writeRandom(files[name], SIZES[name]);
    const { plain, image, key } = await images(folder, files.large);
    assayCopy('encrypt', [`oci:${plain}:v1`, `oci:${image}:v1`, '--encryption-key', `jwe:${key}.pub`]);
    const rates: Record<string, number[]> = {};
    const memory: Record<string, number> = {};
    const run = (name: string, seconds: number): void => {
      rates[name] = [...(rates[name] ?? []), SIZES.large / MIB / seconds];
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      const { cipher, hmac, digest } = openssl(files.large);
      run('openssl', cipher + hmac);
      run('openssl_encrypt_all', cipher + hmac + 2 * digest);
      run('openssl_decrypt_all', cipher + hmac + digest);
      for (const action of ['encrypt', 'decrypt'] as const) {
        const large = ours(worker, action, files.large);
        run(action, large.seconds);
        memory[`${action}_peak_mib_1gib`] = Math.max(memory[`${action}_peak_mib_1gib`] ?? 0, large.mib);
        const { mib } = ours(worker, action, files.small);
        memory[`${action}_peak_mib_64mib`] = Math.max(memory[`${action}_peak_mib_64mib`] ?? 0, mib);
      }
      const target = `dir:${join(folder, 'copied')}`;
      const decrypt = [`oci:${image}:v1`, target, '--decryption-key', key];
      const encrypt = [`oci:${plain}:v1`, target, '--encryption-key', `jwe:${key}.pub`];
      for (const [name, args] of Object.entries({ decrypt, encrypt })) {
        for (const [who, copy] of Object.entries({ image: assayCopy, skopeo })) {
          run(
            `${who}_${name}`,
            timed(() => copy(name, args)),
          );
          rmSync(join(folder, 'copied'), { recursive: true });
        }
      }
    }
    const rate = (name: string): number => percentile(rates[name] ?? [], 0.5);
    return {
      name: 'images',
      machine: machine(),
      metrics: {
        ...Object.fromEntries(Object.keys(rates).map((name) => [`${name}_mib_per_s`, rate(name)])),
        ...memory,
      },
      ratios: {
        encrypt_vs_openssl: rate('encrypt') / rate('openssl'),
        decrypt_vs_openssl: rate('decrypt') / rate('openssl'),
        encrypt_vs_openssl_all: rate('encrypt') / rate('openssl_encrypt_all'),
        decrypt_vs_openssl_all: rate('decrypt') / rate('openssl_decrypt_all'),
        image_decrypt_vs_skopeo: rate('image_decrypt') / rate('skopeo_decrypt'),
        image_encrypt_vs_skopeo: rate('image_encrypt') / rate('skopeo_encrypt'),
        encrypt_peak_1gib_vs_64mib: (memory['encrypt_peak_mib_1gib'] ?? 0) / (memory['encrypt_peak_mib_64mib'] ?? 1),
        decrypt_peak_1gib_vs_64mib: (memory['decrypt_peak_mib_1gib'] ?? 0) / (memory['decrypt_peak_mib_64mib'] ?? 1),
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes that no compression shortens: the key stream of a cipher. */
async function writeRandom(path: string, size: number): Promise<void> {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(MIB);
  const chunks = function* (): Generator<Buffer> {
    for (let written = 0; written < size; written += MIB) yield cipher.update(zeros);
  };
  await pipeline(Readable.from(chunks()), createWriteStream(path));
}

function timed(work: () => void): number {
  const begin = performance.now();
  work();
  return (performance.now() - begin) / 1000;
}

/** Seconds of each pass. */
function openssl(file: string): { readonly cipher: number; readonly hmac: number; readonly digest: number } {
  const hex = '00'.repeat(32);
  const pass = (...args: readonly string[]): number => timed(() => execFileSync('openssl', args, { stdio: 'pipe' }));
  return {
    cipher: pass('enc', '-aes-256-ctr', '-K', hex, '-iv', '00'.repeat(16), '-in', file, '-out', '/dev/null'),
    hmac: pass('dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, file),
    digest: pass('dgst', '-sha256', file),
  };
}

/** The stream step of the layer itself, from a file to nowhere, in a process of its own; its start is not counted. */
function ours(
  worker: string,
  action: 'encrypt' | 'decrypt',
  file: string,
): { readonly seconds: number; readonly mib: number } {
  const told = execFileSync(process.execPath, [worker, action, file], { encoding: 'utf8' });
  return JSON.parse(told) as { seconds: number; mib: number };
}

/** An image of one layer, where the same goes when it is encrypted, and the key that opens it. */
async function images(
  folder: string,
  layer: string,
): Promise<{ readonly plain: string; readonly image: string; readonly key: string }> {
  const plain = join(folder, 'plain');
  mkdirSync(join(plain, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    writeFileSync(join(plain, 'blobs', sha256Digest(bytes).replace(':', '/')), bytes);
    return { digest: sha256Digest(bytes), size: bytes.length };
  };
  const hash = createHash('sha256');
  await pipeline(createReadStream(layer), hash);
  const hex = hash.digest('hex');
  const copy = join(plain, 'blobs/sha256', hex);
  execFileSync('cp', [layer, copy]);
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [`sha256:${hex}`] } };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(Buffer.from(JSON.stringify(config))) },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${hex}`, size: statSync(copy).size },
    ],
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  const entry = { mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(manifest))), annotations };
  writeFileSync(join(plain, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(plain, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = join(folder, 'key.pem');
  writeFileSync(key, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(`${key}.pub`, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  const image = join(folder, 'encrypted');
  return { plain, image, key };
}

function skopeo(_action: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync('skopeo', ['--insecure-policy', 'copy', '-q', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`skopeo: ${stderr}; apt-get install skopeo`);
}
