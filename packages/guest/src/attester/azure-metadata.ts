import { request } from 'node:http';
import { DecodeError, decodeBase64url, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { AttesterError } from './attester-error.js';

/** What Azure tells a confidential VM about its hardware. */
export interface AzureMetadata {
  /** PEM of the VCEK of the chip that the VM runs on. */
  vcek(): Promise<string>;
  /** TD quote of a TDREPORT. */
  tdQuote(tdReport: Uint8Array): Promise<Uint8Array>;
}

/** The metadata service answers every VM there, and nobody else. */
const LINK_LOCAL = 'http://169.254.169.254';
const LARGEST_ANSWER = 256 * 1024;
const TIMEOUT_MS = 10_000;

/** Azure's instance metadata service. What it says is signed by AMD or Intel; nothing here believes it. */
export function azureMetadata(url: string = LINK_LOCAL): AzureMetadata {
  return {
    vcek: async () => textOf(await ask(`${url}/metadata/THIM/amd/certification`), 'vcekCert'),
    tdQuote: async (tdReport) => {
      const body = JSON.stringify({ report: Buffer.from(tdReport).toString('base64url') });
      const quote = textOf(await ask(`${url}/acc/tdquote`, body), 'quote');
      try {
        return decodeBase64url(quote.replace(/={1,2}$/, ''));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        throw new AttesterError('the metadata service gave no quote in base64url', { cause: error });
      }
    },
  };
}

/** GET, or POST of a JSON body. @throws AttesterError */
function ask(url: string, body?: string): Promise<JsonValue> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new AttesterError(`${url}: ${why}; is this an Azure confidential VM?`, { cause }));
    const call = request(
      url,
      {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          metadata: 'true',
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
        },
        timeout: TIMEOUT_MS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > LARGEST_ANSWER) call.destroy(new Error('the answer is too long'));
        });
        response.on('end', () => {
          if (response.statusCode !== 200) return fail(`status ${response.statusCode}`);
          try {
            return resolve(parseJsonStrict(Uint8Array.from(Buffer.concat(chunks))));
          } catch (error) {
            return fail('the answer is no JSON', error);
          }
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    call.on('error', (error) => fail(error.message, error));
    call.end(body);
  });
}

function textOf(value: JsonValue, member: string): string {
  const found = isJsonObject(value) ? value[member] : undefined;
  if (typeof found === 'string') return found;
  throw new AttesterError(`the metadata service gave no \`${member}\``);
}
