/** Self-signed certificates of RSA keys, one for each name. */
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import {
  derBitString,
  derExplicit,
  derInteger,
  derNull,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUtf8String,
} from '@assay/bytes';

interface Identity {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

const made = new Map<string, Identity>();

export function selfSigned(name: string): Identity {
  const known = made.get(name);
  if (known !== undefined) return known;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const algorithm = derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
  const subject = derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String(name))));
  const body = derSequence(
    derExplicit(0, derInteger(2)),
    derInteger(made.size + 1),
    algorithm,
    subject,
    derSequence(derTime(new Date('2026-01-01T00:00:00Z')), derTime(new Date('2036-01-01T00:00:00Z'))),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const der = derSequence(body, algorithm, derBitString(sign('sha256', body, privateKey)));
  const identity = { certificate: new X509Certificate(der), key: privateKey };
  made.set(name, identity);
  return identity;
}
