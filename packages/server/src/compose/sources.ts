import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { KbsSources } from '@assay/kbs';

/** Files and https documents, for key material that the configuration names. */
export const realSources: KbsSources = {
  readFile: (path) => readFile(path),
  fetch: (url, limits) => fetchDocument(url, limits.maxBytes, limits.timeoutMs),
};

/** GET over https; no redirect is followed, so a document comes from the host that the configuration names. */
function fetchDocument(url: string, maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call = request(
      new URL(url),
      { method: 'GET', headers: { accept: 'application/json' }, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          reject(new Error(`status ${response.statusCode}`));
          return;
        }
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) call.destroy(new Error(`longer than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () => resolve(Buffer.concat(chunks)));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end();
  });
}
