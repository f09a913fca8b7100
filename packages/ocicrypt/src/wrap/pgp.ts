/**
 * Recipients by OpenPGP (RFC 4880), in the shape that containers/ocicrypt reads: one PKESK packet of version 3 for each recipient's
 * encryption key, then SEIPD of version 1 under AES-256, with one literal packet and no compression. Old tools read RSA keys alone.
 */
import type { Message } from 'openpgp';
import type { PgpPrivateKey, PgpPublicKey } from '../pgp/keys.js';
import { openpgp } from '../pgp/library.js';
import { KEY_ANNOTATION, type KeyUnwrapper, type KeyWrapper } from './wrapper.js';

const LARGEST_ENTRY = 1024 * 1024;
const MOST_RECIPIENTS = 256;
const SESSION_KEY_SIZE = 32;

/** @param recipients at least one. @param now their keys must be good at that time */
export function pgpWrapper(
  recipients: readonly PgpPublicKey[],
  random: (bytes: number) => Uint8Array,
  now: () => Date,
): KeyWrapper {
  return {
    annotation: KEY_ANNOTATION.pgp,
    wrap: async (options) => {
      if (recipients.length === 0) throw new RangeError('OpenPGP without a recipient');
      const { createMessage, encrypt, enums } = await openpgp();
      return encrypt({
        message: await createMessage({ binary: options, date: new Date(0) }),
        encryptionKeys: recipients.map(({ key }) => key),
        // Given as it is, it makes the older form of packets, whatever a key's owner prefers: no other is read everywhere.
        sessionKey: { data: random(SESSION_KEY_SIZE), algorithm: 'aes256' },
        date: now(),
        format: 'binary',
        config: { preferredCompressionAlgorithm: enums.compression.uncompressed },
      });
    },
  };
}

/** Tries the keys whose ids an entry names, and all of them where it hides them. Their expiry is not looked at, as in other tools. */
export function pgpUnwrapper(keys: readonly PgpPrivateKey[]): KeyUnwrapper {
  return {
    scheme: 'pgp',
    keys: keys.length,
    reads: (annotation) => annotation === KEY_ANNOTATION.pgp,
    unwrap: async (entry) => {
      const message = await readMessage(entry);
      if (message === undefined) return { reason: 'no encrypted OpenPGP message' };
      const ids = message.getEncryptionKeyIDs().map((id) => id.toHex().toUpperCase());
      try {
        const { decrypt } = await openpgp();
        const { data } = await decrypt({
          message,
          decryptionKeys: keys.map(({ key }) => key),
          format: 'binary',
          // Without it a wrong padding of PKCS#1 could be told from a wrong key.
          config: { constantTimePKCS1Decryption: true, maxDecompressedMessageSize: LARGEST_ENTRY },
        });
        return { options: data, with: { alg: 'OpenPGP', recipients: ids.length } };
      } catch {
        return { reason: `OpenPGP for other keys: ${ids.slice(0, 8).join(', ')}` };
      }
    },
  };
}

async function readMessage(entry: Uint8Array): Promise<Message<Uint8Array> | undefined> {
  if (entry.length > LARGEST_ENTRY) return undefined;
  const { readMessage: read, enums } = await openpgp();
  try {
    const message = await read({ binaryMessage: entry });
    const { publicKeyEncryptedSessionKey, symEncryptedIntegrityProtectedData } = enums.packet;
    const recipients = message.packets.filterByTag(publicKeyEncryptedSessionKey).length;
    const bodies = message.packets.filterByTag(symEncryptedIntegrityProtectedData).length;
    // Nothing else belongs there: neither passwords, nor a body that nobody authenticates.
    const alone = recipients + bodies === message.packets.length;
    return bodies === 1 && recipients > 0 && recipients <= MOST_RECIPIENTS && alone ? message : undefined;
  } catch {
    return undefined;
  }
}
