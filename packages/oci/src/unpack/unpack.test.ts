import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { JsonObject } from '@assay/bytes';
import { jweUnwrapper, jweWrapper } from '@assay/ocicrypt';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { packTar, type TarEntry } from 'modern-tar';
import { describe, expect, test } from 'vitest';
import {
  copyImage,
  layoutSource,
  layoutTarget,
  type Manifest,
  MEDIA_TYPE,
  makeBundle,
  readManifest,
  runtimeSpec,
  sha256Digest,
  type UnpackLimits,
  unpackImage,
} from '../index.js';
import { temporary, writeIndex } from '../testing/image.test.helper.js';
import { partsOf } from './root.js';

type Layer = readonly TarEntry[] | Uint8Array;
const file = (name: string, body = name): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), type: 'file', mode: 0o640, mtime: new Date(1e12) },
  body,
});
const folder = (name: string): TarEntry => ({
  header: { name, size: 0, type: 'directory', mode: 0o750, mtime: new Date(9e11) },
});
const link = (name: string, linkname: string, type: 'symlink' | 'link' = 'symlink'): TarEntry => ({
  header: { name, size: 0, type, linkname },
});

async function imageOf(layers: readonly Layer[], config: object = {}, media = 'tar+gzip'): Promise<string> {
  const root = temporary();
  mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Uint8Array) => {
    const digest = sha256Digest(bytes);
    writeFileSync(join(root, 'blobs', digest.replace(':', '/')), bytes);
    return { digest, size: bytes.length };
  };
  const tars = await Promise.all(layers.map(async (layer) => (layer instanceof Uint8Array ? layer : packTar(layer))));
  const document = {
    os: 'linux',
    architecture: 'amd64',
    config,
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256Digest(tar)) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...put(Buffer.from(JSON.stringify(document))) },
    layers: tars.map((tar) => ({
      mediaType: `application/vnd.oci.image.layer.v1.${media}`,
      ...put(media === 'tar' ? tar : gzipSync(tar)),
    })),
  };
  writeIndex(root, [{ mediaType: MEDIA_TYPE.manifest, ...put(Buffer.from(JSON.stringify(manifest))) }]);
  return root;
}

async function manifestOf(root: string): Promise<Manifest> {
  const { bytes } = await layoutSource(root).manifest();
  const manifest = readManifest(bytes);
  if (manifest.kind !== 'manifest') throw new Error('an index');
  return manifest;
}

async function unpack(layers: readonly Layer[], options: { limits?: UnpackLimits; media?: string } = {}) {
  const root = await imageOf(layers, {}, options.media);
  const parent = temporary();
  const target = join(parent, 'rootfs');
  const result = await unpackImage({
    source: layoutSource(root),
    manifest: await manifestOf(root),
    target,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  }).catch((error) => {
    // Whatever was wrong: nothing is left.
    expect(readdirSync(parent)).toEqual([]);
    throw error;
  });
  return {
    ...result,
    parent,
    at: (path: string) => join(target, path),
    text: (path: string) => readFileSync(join(target, path), 'utf8'),
  };
}

describe('layers', () => {
  test('become a root file system, upper ones over lower ones', async () => {
    const { at, text } = await unpack([
      [
        folder('etc'),
        file('etc/motd', 'one'),
        file('./bin/sh', 'sh'),
        link('sh', 'bin/sh'),
        link('etc/copy', 'etc/motd', 'link'),
      ],
      [file('etc/motd', 'two'), file('/absolute', 'a')],
    ]);
    expect([text('etc/motd'), text('etc/copy'), text('bin/sh'), text('sh'), text('absolute')]).toEqual([
      'two',
      'one',
      'sh',
      'sh',
      'a',
    ]);
    expect(statSync(at('etc/motd')).mode & 0o7777).toBe(0o640);
    expect([statSync(at('etc')).mode & 0o7777, statSync(at('etc/motd')).mtimeMs]).toEqual([0o750, 1e12]);
    expect(statSync(at('bin')).mode & 0o7777).toBe(0o755);
  });

  test('whiteouts take away what lower layers have, and nothing of their own', async () => {
    const { at } = await unpack([
      [file('a/one'), file('a/two'), file('b/three'), file('c')],
      [file('a/.wh.one', ''), file('b/four'), file('b/.wh..wh..opq', ''), file('.wh.c', ''), file('.wh.none', '')],
    ]);
    expect([readdirSync(at('a')), readdirSync(at('b')), existsSync(at('c'))]).toEqual([['two'], ['four'], false]);
  });

  test('whiteouts hide what lower layers have in folders that the layer itself made, and stand anywhere in it', async () => {
    const { at } = await unpack([
      [file('a/b/old'), file('a/b/c/old'), file('d/e/old'), file('f'), file('g/old'), file('h')],
      [
        ...[file('a/b/new'), file('a/.wh..wh..opq', '')],
        ...[file('d/e/new'), file('d/.wh.e', '')],
        ...[file('f', 'new'), file('.wh.f', '')],
        ...[file('.wh.g', ''), file('g/new')],
        ...[link('h', 'f'), file('.wh.h', '')],
      ],
    ]);
    const all = ['a', 'a/b', 'd', 'd/e', 'g'].map((path) => readdirSync(at(path)).sort());
    expect(all).toEqual([['b'], ['new'], ['e'], ['new'], ['new']]);
    expect([readFileSync(at('f'), 'utf8'), readlinkSync(at('h'))]).toEqual(['new', 'f']);
  });

  test('links of folders are followed beneath the root', async () => {
    const { text, at } = await unpack([
      [
        folder('usr/lib'),
        link('lib', 'usr/lib'),
        link('etc', '/usr/etc'),
        folder('usr/etc'),
        link('up', '../../../../usr'),
      ],
      [file('lib/x', 'x'), file('etc/y', 'y'), file('up/z', 'z')],
    ]);
    expect([text('usr/lib/x'), text('usr/etc/y'), text('usr/z')]).toEqual(['x', 'y', 'z']);
    expect(readlinkSync(at('etc'))).toBe('/usr/etc');
  });

  test('files of another kind take the place of what was there', async () => {
    const { at, text } = await unpack([
      [file('a/b/c'), link('l', '/etc/passwd'), file('f')],
      [file('a', 'file'), file('l', 'own'), folder('f')],
    ]);
    expect([text('a'), text('l'), lstatSync(at('l')).isSymbolicLink(), statSync(at('f')).isDirectory()]).toEqual([
      'file',
      'own',
      false,
      true,
    ]);
  });

  test('what cannot be made is said', async () => {
    const special = (name: string, type: 'character-device' | 'fifo'): TarEntry => ({
      header: { name, size: 0, type },
    });
    const { skipped, at } = await unpack([
      [
        special('dev/null', 'character-device'),
        special('pipe', 'fifo'),
        { ...file('x'), header: { ...file('x').header, pax: { 'SCHILY.xattr.user.a': 'b' } } },
      ],
    ]);
    expect(skipped.map(({ path, why }) => `${path}: ${why}`)).toEqual([
      'dev/null: device node',
      'pipe: FIFO',
      'x: extended attributes',
    ]);
    expect(existsSync(at('dev/null'))).toBe(false);
  });

  test('entries of the root itself give its attributes, and nothing else', async () => {
    const { at } = await unpack([[{ ...folder('./'), header: { ...folder('./').header, mode: 0o711 } }, file('a')]]);
    expect([statSync(at('')).mode & 0o7777, statSync(at('')).mtimeMs]).toEqual([0o711, 9e11]);
    const { at: other } = await unpack([[folder('/'), file('.', 'no folder'), file('a')]]);
    expect([statSync(other('')).mode & 0o7777, readdirSync(other(''))]).toEqual([0o750, ['a']]);
  });

  test('folders have their own times, whatever comes into them later', async () => {
    const { at } = await unpack([[folder('a'), folder('a/b'), file('a/b/c'), file('a/d')]]);
    expect([statSync(at('a')).mtimeMs, statSync(at('a/b')).mtimeMs, statSync(at('a/b/c')).mtimeMs]).toEqual([
      9e11, 9e11, 1e12,
    ]);
  });

  test('folders that nobody may write to are filled, moved and replaced all the same', async () => {
    const locked = (name: string, mode = 0o555): TarEntry => ({
      ...folder(name),
      header: { ...folder(name).header, mode },
    });
    const { at, text } = await unpack([
      [locked('./'), locked('a'), locked('a/b', 0), file('a/b/c'), locked('gone'), file('gone/x'), locked('d')],
      [file('a/b/d'), file('.wh.gone', ''), file('d', 'file')],
    ]);
    expect(['', 'a', 'a/b'].map((path) => statSync(at(path)).mode & 0o7777)).toEqual([0o555, 0o555, 0]);
    expect([statSync(at('')).mtimeMs, statSync(at('a/b')).mtimeMs]).toEqual([9e11, 9e11]);
    expect([text('d'), existsSync(at('gone'))]).toEqual(['file', false]);
    chmodSync(at('a/b'), 0o700);
    expect([text('a/b/c'), text('a/b/d')]).toEqual(['a/b/c', 'a/b/d']);
    for (const path of ['', 'a']) chmodSync(at(path), 0o700);
  });

  test('folders that no archive names can be entered, whatever this process gives to its own', async () => {
    const before = process.umask(0o077);
    try {
      const { at } = await unpack([[file('a/b')]]);
      expect(['', 'a'].map((path) => statSync(at(path)).mode & 0o777)).toEqual([0o755, 0o755]);
    } finally {
      process.umask(before);
    }
  });

  test.skipIf(process.geteuid?.() !== 0)('root gives files, folders and links to their owners', async () => {
    const owned = (entry: TarEntry): TarEntry => ({ ...entry, header: { ...entry.header, uid: 1234, gid: 4321 } });
    const setUid = { ...file('b'), header: { ...file('b').header, mode: 0o4755 } };
    const { at } = await unpack([[owned(folder('a')), owned(setUid), owned(link('l', 'nowhere')), file('c')]]);
    for (const name of ['a', 'b', 'l']) expect(lstatSync(at(name))).toMatchObject({ uid: 1234, gid: 4321 });
    expect(statSync(at('b')).mode & 0o7777).toBe(0o4755);
    expect(statSync(at('c'))).toMatchObject({ uid: 0, gid: 0 });
  });

  test('links that begin at the root are followed from there, wherever they lie', async () => {
    const { text } = await unpack([
      [folder('b'), folder('d'), link('d/a', '/b'), link('d/r', 'e/../../b'), folder('d/e')],
      [file('d/a/x', 'x'), file('d/r/y', 'y')],
    ]);
    expect([text('b/x'), text('b/y')]).toEqual(['x', 'y']);
  });

  test('paths are read part by part', () => {
    expect(partsOf('./a//b/./c/../d/', 'l')).toEqual(['a', 'b', 'd']);
    for (const path of ['a\0b', 'a\ufffd', `${'x'.repeat(4097)}`, '..', 'a/../..']) {
      expect(() => partsOf(path, 'l')).toThrow(expect.objectContaining({ code: 'image.unpack.path' }));
    }
    expect(() => partsOf('x'.repeat(4097), 'l')).toThrow('longer than 4096');
  });

  test('without compression too', async () => {
    expect((await unpack([[file('a')]], { media: 'tar' })).text('a')).toBe('a');
  });
});

describe('hostile archives are refused, and nothing is left', () => {
  test.each<[string, readonly Layer[]]>([
    ['a path that leads out', [[file('../evil')]]],
    ['a path that leads out in its middle', [[file('a/../../evil')]]],
    ['a hard link out', [[link('a', '../../etc/passwd', 'link')]]],
    ['a hard link to what is not there', [[link('a', 'etc/passwd', 'link')]]],
    ['a hard link to the root', [[link('a', '/', 'link')]]],
    ['a file where a folder is due', [[file('a'), file('a/b')]]],
    ['links in a circle', [[link('a', 'b'), link('b', 'a'), file('a/x')]]],
    ['a whiteout of the folder itself', [[file('a/.wh..', '')]]],
    ['a whiteout of the parent', [[file('a/.wh...', '')]]],
    ['a whiteout of nothing', [[file('a/.wh.', '')]]],
    [
      'a sparse file, whose content is none',
      [[{ ...file('a'), header: { ...file('a').header, pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'b' } } }]],
    ],
    ['a path that is too long', [[file(`${'x/'.repeat(2100)}y`)]]],
    ['a name that no file system takes', [[file(`${'x'.repeat(300)}/y`)]]],
  ])('%s', async (_, layers) => {
    await expect(unpack(layers)).rejects.toMatchObject({ code: 'image.unpack.path', finding: { subject: 'layer 0' } });
  });

  test('entries of a kind that nobody knows are refused, wherever they stand', async () => {
    const long = `${'d/'.repeat(120)}long`;
    const before = [
      ...[file('a', 'x'.repeat(1500)), folder('b'), link('c', 'a'), link('e', 'a', 'link')],
      ...[
        file(long, 'y'.repeat(513)),
        { ...file('p'), header: { ...file('p').header, pax: { comment: 'z'.repeat(700) } } },
      ],
    ];
    const summed = (header: Buffer): void => {
      header.write('        ', 148);
      const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    };
    // Its size stands in its extension alone.
    const large = {
      ...file('q', 'w'.repeat(600)),
      header: { ...file('q', 'w'.repeat(600)).header, pax: { size: '600' } },
    };
    const sized = Buffer.from(await packTar([large]));
    sized.write('00000000000', 1024 + 124);
    summed(sized.subarray(1024));
    const start = Buffer.concat([(await packTar(before)).subarray(0, -1024), sized.subarray(0, -1024)]);
    const of = async (kind: string) => {
      const entry = Buffer.from(await packTar([file('odd', 'content')]));
      entry.write(kind, 156, 'latin1');
      summed(entry);
      return Buffer.concat([start, entry]);
    };
    for (const kind of ['S', 'M', 'V', 'D', 'N', '9', ' ']) {
      await expect(unpack([await of(kind)])).rejects.toMatchObject({
        code: 'image.unpack.path',
        message: expect.stringContaining(`\`odd\` is an entry of kind "${kind}"`),
      });
    }
    for (const kind of ['0', '7', '\0']) {
      const { text } = await unpack([await of(kind)]);
      expect([text('odd'), text(long).length, text('a').length, text('q').length]).toEqual(['content', 513, 1500, 600]);
    }
  });

  test('links never lead a file out of the root', async () => {
    const outside = temporary();
    const { at } = await unpack([
      [
        link('a', outside),
        link('b', `../../../../../../..${outside}`),
        file('a/evil'),
        file('b/evil'),
        link('c', `${outside}/evil`),
        file('c', 'over'),
      ],
    ]);
    expect(readdirSync(outside)).toEqual([]);
    expect(readFileSync(at(join(outside, 'evil')), 'utf8')).toBe('b/evil');
  });

  test('folders that became links do not lead times and modes out of the root', async () => {
    const outside = temporary();
    mkdirSync(join(outside, 'below'));
    for (const path of [outside, join(outside, 'below')]) utimesSync(path, 1, 1);
    const readOnly = (name: string): TarEntry => ({ ...folder(name), header: { ...folder(name).header, mode: 0o555 } });
    await unpack([
      [readOnly('a'), link('a', outside), readOnly('b'), readOnly('b/below'), link('b', outside)],
      [readOnly('c'), readOnly('d')],
      [link('c', outside), file('d/x'), link('e', 'd')],
    ]);
    for (const path of [outside, join(outside, 'below')]) {
      expect([statSync(path).mtimeMs, statSync(path).mode & 0o200]).toEqual([1000, 0o200]);
    }
  });

  test('too many bytes, too many entries, too much out of too little', async () => {
    const limits = { bytes: 2 ** 30, entries: 10, ratio: 250 };
    const many = Array.from({ length: 11 }, (_, n) => file(`f${n}`));
    for (const [layers, change] of [
      [[many], {}],
      [[[file('a', 'x'.repeat(5000))]], { bytes: 4000 }],
      [[[file('zeros', '\0'.repeat(65 * 2 ** 20))]], {}],
    ] as const) {
      await expect(unpack(layers, { limits: { ...limits, ...change } })).rejects.toMatchObject({
        code: 'image.unpack.size',
      });
    }
  });

  test('an archive that is none, is cut, or is another one', async () => {
    await expect(unpack([randomBytes(2048)])).rejects.toMatchObject({ code: 'image.manifest.form' });
    const whole = await packTar([file('a', 'x'.repeat(3000))]);
    await expect(unpack([whole.subarray(0, 1500)])).rejects.toMatchObject({ code: 'image.manifest.form' });
    const root = await imageOf([[file('a')], [file('b')]]);
    const manifest = await manifestOf(root);
    const swapped = { ...manifest, layers: [...manifest.layers].reverse() };
    const parent = temporary();
    await expect(
      unpackImage({ source: layoutSource(root), manifest: swapped, target: join(parent, 'r') }),
    ).rejects.toMatchObject({ code: 'image.layer.diff-id' });
    expect(readdirSync(parent)).toEqual([]);
  });

  test('what a layer stumbled over is told where it cannot be read again', async () => {
    const root = await imageOf([randomBytes(2048)]);
    const own = layoutSource(root);
    const manifest = await manifestOf(root);
    let readings = 0;
    const source = {
      ...own,
      blob: (descriptor: (typeof manifest.layers)[number]) => {
        if (descriptor.digest === manifest.layers[0]?.digest) readings += 1;
        return readings > 1 ? Promise.reject(new Error('gone')) : own.blob(descriptor);
      },
    };
    await expect(unpackImage({ source, manifest, target: join(temporary(), 'r') })).rejects.toMatchObject({
      code: 'image.manifest.form',
      message: expect.stringContaining('it cannot be unpacked'),
    });
    expect(readings).toBe(2);
  });

  test('encrypted layers that were changed', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const plain = await imageOf([[file('a', 'secret')]]);
    const encrypted = temporary();
    const wrappers = [jweWrapper([{ key: pair.publicKey, algorithm: 'ECDH-ES+A256KW' }])];
    await copyImage({
      source: layoutSource(plain),
      target: layoutTarget(encrypted),
      encrypt: { wrappers, random: (n) => new Uint8Array(randomBytes(n)) },
    });
    const manifest = await manifestOf(encrypted);
    const unwrappers = [jweUnwrapper([pair.privateKey])];
    const good = join(temporary(), 'r');
    await unpackImage({ source: layoutSource(encrypted), manifest, target: good, unwrappers });
    expect(readFileSync(join(good, 'a'), 'utf8')).toBe('secret');
    const [layer] = manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const name = 'org.opencontainers.image.enc.pubopts';
    const options = JSON.parse(Buffer.from(layer.annotations?.[name] ?? '', 'base64').toString());
    for (const [change, code] of [
      [{ hmac: Buffer.alloc(32, 1).toString('base64') }, 'image.layer.hmac'],
      [{ cipheroptions: { nonce: randomBytes(16).toString('base64') } }, 'image.layer.plain-digest'],
    ] as const) {
      const changed = Buffer.from(JSON.stringify({ ...options, ...change })).toString('base64');
      const other = { ...manifest, layers: [{ ...layer, annotations: { ...layer.annotations, [name]: changed } }] };
      const parent = temporary();
      const error = await unpackImage({
        source: layoutSource(encrypted),
        manifest: other,
        target: join(parent, 'r'),
        unwrappers,
      }).catch((thrown) => thrown);
      expect(error.code).toBe(code);
      expect(readdirSync(parent)).toEqual([]);
    }
    // One byte, wherever it is: the HMAC tells, also where unpacking stumbles before the end.
    const blob = (digest: string): string => join(encrypted, 'blobs', digest.replace(':', '/'));
    const cipher = readFileSync(blob(layer.digest));
    for (const at of [0, 4, cipher.length >> 1, cipher.length - 1]) {
      const bytes = Uint8Array.from(cipher);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const digest = sha256Digest(bytes);
      const target = join(temporary(), 'r');
      const change = (to: Partial<typeof layer>) => ({ ...manifest, layers: [{ ...layer, ...to }] });
      const unpacked = (other: Manifest) =>
        unpackImage({ source: layoutSource(encrypted), manifest: other, target, unwrappers });
      writeFileSync(blob(digest), bytes);
      await expect(unpacked(change({ digest }))).rejects.toMatchObject({ code: 'image.layer.hmac' });
      writeFileSync(blob(layer.digest), bytes);
      await expect(unpacked(manifest)).rejects.toMatchObject({ code: 'image.manifest.digest' });
      writeFileSync(blob(layer.digest), cipher);
      expect(existsSync(target)).toBe(false);
    }
    await expect(
      unpackImage({ source: layoutSource(encrypted), manifest, target: join(temporary(), 'r') }),
    ).rejects.toMatchObject({ code: 'image.key.found' });
  });

  test('changed archives end in an error of ours, or in files beneath the root', async () => {
    const seed = await packTar([folder('d'), file('d/a'), link('l', 'd'), link('h', 'd/a', 'link'), file('l/b')]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (edits) => {
          const bytes = Uint8Array.from(seed);
          for (const [at, value] of edits) bytes[at] = value;
          const outcome = await unpack([bytes], { media: 'tar' }).then(
            ({ parent }) => readdirSync(parent).join(),
            (error: { code?: string }) => error.code ?? String(error),
          );
          expect(outcome).toMatch(/^(rootfs|image\.(unpack\.path|unpack\.size|manifest\.form))$/);
        },
      ),
      { numRuns: fuzzRuns(100) },
    );
  });
});

describe('bundles', () => {
  test('have the image’s command, environment and user', async () => {
    const root = await imageOf(
      [[file('etc/passwd', 'app:x:1000:1001::/:/bin/sh\n'), file('etc/group', 'staff:x:50:\n')]],
      {
        Entrypoint: ['/bin/app'],
        Cmd: ['--serve'],
        Env: ['A=1'],
        User: 'app:staff',
        WorkingDir: '/srv',
      },
    );
    const target = join(temporary(), 'bundle');
    await makeBundle({ source: layoutSource(root), manifest: await manifestOf(root), folder: target, env: ['B=2'] });
    const spec = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
    expect(spec.process).toMatchObject({
      args: ['/bin/app', '--serve'],
      cwd: '/srv',
      user: { uid: 1000, gid: 50 },
      noNewPrivileges: true,
    });
    expect(spec.process.env).toEqual([expect.stringContaining('PATH='), 'A=1', 'B=2']);
  });

  test('that are there already stay as they are', async () => {
    const root = await imageOf([[file('a')]], { Cmd: ['x'] });
    const target = temporary();
    mkdirSync(join(target, 'rootfs'));
    writeFileSync(join(target, 'rootfs/own'), 'of another');
    await expect(
      makeBundle({ source: layoutSource(root), manifest: await manifestOf(root), folder: target }),
    ).rejects.toMatchObject({ code: 'image.content.present' });
    expect([readdirSync(target), readdirSync(join(target, 'rootfs'))]).toEqual([['rootfs'], ['own']]);
  });

  test('that cannot be made leave nothing', async () => {
    for (const [config, what] of [
      [{}, 'names no command'],
      [{ Cmd: ['x'], User: 'nobody' }, 'is not in the image'],
    ] as const) {
      const root = await imageOf([[file('a')]], config);
      const parent = temporary();
      await expect(
        makeBundle({ source: layoutSource(root), manifest: await manifestOf(root), folder: join(parent, 'b') }),
      ).rejects.toThrow(what);
      expect(readdirSync(parent)).toEqual([]);
    }
  });

  test('users are looked up beneath the root, and are none without a number', async () => {
    const userOf = async (user: string, layers: readonly (readonly TarEntry[])[]) => {
      const { at } = await unpack(layers);
      const image = { os: '', architecture: '', diffIds: [], document: { config: { Cmd: ['x'], User: user } } };
      const spec = await runtimeSpec(image, { rootfs: at('') });
      return (spec['process'] as { user: unknown }).user;
    };
    const passwd = file(
      'usr/etc/passwd',
      'app:x:1000:1001::/:/bin/sh\nempty:x::\nwrong:x:1x:0\nlarge:x:4294967296:0\n',
    );
    const outside = temporary();
    writeFileSync(join(outside, 'passwd'), 'root:x:0:0::/:/bin/sh\nhost:x:5:5::/:/bin/sh\n');
    const linked = [
      [passwd, link('etc', '/usr/etc'), link('usr/etc/group', '../../groups'), file('groups', 'staff:x:50:\n')],
    ];
    expect(await userOf('app', linked)).toEqual({ uid: 1000, gid: 1001 });
    expect(await userOf('app:staff', linked)).toEqual({ uid: 1000, gid: 50 });
    expect(await userOf('4294967294:4294967294', linked)).toEqual({ uid: 4294967294, gid: 4294967294 });
    expect(await userOf(':staff', linked)).toEqual({ uid: 0, gid: 50 });
    for (const user of [
      'empty',
      'wrong',
      'large',
      '4294967295',
      '4294967296',
      '9999999999',
      'app:4294967296',
      'app:none',
    ])
      await expect(userOf(user, linked), user).rejects.toMatchObject({ code: 'image.manifest.form' });
    for (const layers of [[[link('etc', outside)]], [[link('etc/passwd', join(outside, 'passwd'))]], [[file('x')]]])
      await expect(userOf('host', layers)).rejects.toThrow('is not in the image');
  });

  test('have another command where neither image nor caller names one', async () => {
    const argsOf = async (config: object, options: object): Promise<unknown> => {
      const image = { os: '', architecture: '', diffIds: [], document: { config: config as JsonObject } };
      const spec = await runtimeSpec(image, { rootfs: '/nonexistent', fallbackArgs: ['sh'], ...options });
      return (spec['process'] as JsonObject)['args'];
    };
    expect(await argsOf({}, {})).toEqual(['sh']);
    expect(await argsOf({ Cmd: ['x'] }, {})).toEqual(['x']);
    expect(await argsOf({}, { args: ['y'] })).toEqual(['y']);
    await expect(argsOf({}, { fallbackArgs: [] })).rejects.toThrow('names no command');
  });

  test('users by number need no file; links of the image to files outside are not followed', async () => {
    const root = await imageOf([[link('etc/passwd', '/etc/passwd'), file('x')]], { Cmd: ['x'], User: 'root' });
    await expect(
      makeBundle({ source: layoutSource(root), manifest: await manifestOf(root), folder: join(temporary(), 'b') }),
    ).rejects.toThrow('is not in the image');
    const image = { os: '', architecture: '', diffIds: [], document: { config: { Cmd: ['x'], User: '7:8' } } };
    expect(await runtimeSpec(image, { rootfs: '/nonexistent', rootless: { uid: 5, gid: 6 } })).toMatchObject({
      process: { user: { uid: 7, gid: 8 } },
      linux: { uidMappings: [{ hostID: 5 }] },
    });
  });
});
