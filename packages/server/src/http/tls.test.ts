import { request } from 'node:https';
import { connect, type SecureVersion } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startFace, type TestFace } from './mount.test.helper.js';
import { createServerCertificate } from './self-signed.js';

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const tls = createServerCertificate({ hosts: ['127.0.0.1'], now: new Date(), random });

/** Protocol that a handshake ends with, or the code of its failure. */
function handshake(face: TestFace, version: SecureVersion, ciphers?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(
      {
        host: '127.0.0.1',
        port: face.port,
        ca: tls.certificate,
        minVersion: version,
        maxVersion: version,
        // TLS 1.0 and 1.1 are off in OpenSSL 3 below this level: the client must be able to ask for them.
        ciphers: ciphers ?? 'DEFAULT:@SECLEVEL=0',
      },
      () => {
        resolve(`${socket.getProtocol()} ${socket.authorized ? 'authorized' : socket.authorizationError}`);
        socket.destroy();
      },
    );
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function get(face: TestFace, ca?: string): Promise<number | string> {
  return new Promise((resolve) => {
    const call = request(`${face.url}/api/v1/public`, { ca }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

describe('TLS', () => {
  test('1.2 and 1.3 are served, older ones are not', async () => {
    const face = await startFace({}, { tls });
    expect(await handshake(face, 'TLSv1.3')).toBe('TLSv1.3 authorized');
    expect(await handshake(face, 'TLSv1.2')).toBe('TLSv1.2 authorized');
    expect(await handshake(face, 'TLSv1.1')).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    expect(await handshake(face, 'TLSv1')).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    await face.close();
  });

  test('1.3 alone where the settings say so', async () => {
    const face = await startFace({ tls_min_version: '1.3' }, { tls });
    expect(await handshake(face, 'TLSv1.3')).toBe('TLSv1.3 authorized');
    expect(await handshake(face, 'TLSv1.2')).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    await face.close();
  });

  test('ciphers of the settings, and no others', async () => {
    const face = await startFace({ tls_ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }, { tls });
    expect(await handshake(face, 'TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384')).toBe('TLSv1.2 authorized');
    expect(await handshake(face, 'TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256')).toMatch(/HANDSHAKE_FAILURE/);
    await face.close();
  });

  test.each([
    ['ciphers that OpenSSL does not know', { tls_ciphers: 'NONSENSE' }, tls],
    ['a certificate that does not parse', {}, { ...tls, certificate: 'nonsense' }],
    [
      'a key of another certificate',
      {},
      { ...tls, privateKey: createServerCertificate({ hosts: [], now: new Date(), random }).privateKey },
    ],
  ] as const)('%s stop the start, not the first handshake', async (_name, http, pair) => {
    await expect(startFace(http, { tls: pair })).rejects.toThrow();
  });

  test('requests are answered to who believes the certificate, and plain HTTP is not', async () => {
    const face = await startFace({}, { tls });
    expect(await get(face, tls.certificate)).toBe(200);
    expect(await get(face)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    await expect(fetch(`http://127.0.0.1:${face.port}/api/v1/public`)).rejects.toThrow();
    await face.close();
  });

  test('a header of 300 KiB passes as over plain HTTP, and a slow body is 408 as there', async () => {
    const face = await startFace({ request_timeout: 1 }, { tls });
    const answer = await new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${'t'.repeat(300 * 1024)}` };
      request(`${face.url}/api/v1/public`, { ca: tls.certificate, headers }, (r) => resolve(r.resume().statusCode ?? 0))
        .on('error', reject)
        .end();
    });
    expect(answer).toBe(200);
    const slow = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: face.port, ca: tls.certificate }, () =>
        socket.write('POST /kbs/v0/auth HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n12345'),
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => resolve(text));
    });
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
    await face.close();
  });
});
