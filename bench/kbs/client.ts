import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { canonicalJson } from '@assay/bytes';
import { generateTeeKeyPair } from '@assay/protocol';

/** The resource that every handshake ends with. */
export const resource = 'default/key/1';

const keyPair = generateTeeKeyPair('ECDH-ES+A256KW-P256', (length) => crypto.getRandomValues(new Uint8Array(length)));
const teePubkey = keyPair.publicKey.asReceived;
const teePubkeyText = JSON.stringify(teePubkey);
const authBody = '{"version":"0.4.0","tee":"sample","extra-params":{"supported-hash-algorithms":["sha384"]}}';

/**
 * One guest on one kept-alive connection. Writes HTTP/1.1 by hand: what the generator of the load costs is taken from
 * the cores that the server is measured on.
 */
export class Guest {
  readonly #socket: Socket;
  readonly #host: string;
  #received = '';
  #answer: { readonly resolve: (text: string) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (chunk: string) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#answer?.reject(error));
    this.#socket.on('close', () => this.#answer?.reject(new Error('the server closed the connection')));
  }

  /** auth, attest, resource. */
  async handshake(): Promise<void> {
    const auth = await this.#request('POST', '/kbs/v0/auth', authBody);
    const nonce = between(auth, '"nonce":"', '"');
    const cookie = between(auth, 'kbs-session-id=', ';');
    const token = await this.#request('POST', '/kbs/v0/attest', attestation(nonce), cookie);
    between(token, '{"token":"', '"');
    const response = await this.#request('GET', `/kbs/v0/resource/${resource}`, undefined, cookie);
    between(response, '"ciphertext":"', '"');
  }

  end(): void {
    this.#answer = undefined;
    this.#socket.destroy();
  }

  #request(method: string, path: string, body: string | undefined, cookie?: string): Promise<string> {
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${this.#host}`];
    if (body !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
    if (cookie !== undefined) lines.push(`Cookie: kbs-session-id=${cookie}`);
    this.#received = '';
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1');
    });
  }

  #take(chunk: string): void {
    this.#received += chunk;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received.slice(0, end + 2))?.[1];
    if (length !== undefined && this.#received.length < end + 4 + Number(length)) return;
    const answer = this.#answer;
    this.#answer = undefined;
    if (length !== undefined && this.#received.startsWith('HTTP/1.1 200 ')) answer?.resolve(this.#received);
    else answer?.reject(new Error(`not answered with 200: ${this.#received.slice(0, 600)}`));
  }
}

function attestation(nonce: string): string {
  const bound = canonicalJson({ 'additional-evidence': '', nonce, 'tee-pubkey': teePubkey });
  const digest = createHash('sha384').update(bound).digest('base64');
  return (
    `{"init-data":null,"runtime-data":{"nonce":"${nonce}","tee-pubkey":${teePubkeyText}},` +
    `"tee-evidence":{"primary_evidence":{"svn":"1","report_data":"${digest}"},"additional_evidence":""}}`
  );
}

function between(text: string, before: string, after: string): string {
  const start = text.indexOf(before);
  const end = text.indexOf(after, start + before.length);
  if (start < 0 || end < 0) throw new Error(`no ${before}…${after} in: ${text.slice(0, 600)}`);
  return text.slice(start + before.length, end);
}
