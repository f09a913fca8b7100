import { X509Certificate } from 'node:crypto';
import { DecodeError, decodePem } from '@assay/bytes';
import { KmsError } from './driver.js';
import { credentialFile } from './read.js';

/** Certificates in a file, that a server's is judged by. @throws KmsError `settings` */
export async function trustAnchors(path: string, provider: string): Promise<readonly string[]> {
  const text = Buffer.from(await credentialFile(path, provider)).toString('latin1');
  try {
    const blocks = decodePem(text).filter(({ label }) => label === 'CERTIFICATE');
    const anchors = blocks.map(({ bytes }) => new X509Certificate(bytes).toString());
    if (anchors.length > 0) return anchors;
  } catch (error) {
    if (!(error instanceof DecodeError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_') === true))
      throw error;
  }
  throw new KmsError('settings', `${provider}: ${path} holds no certificate in PEM`);
}
