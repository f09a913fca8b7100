import { decodeBase64, encodeBase64, encodeHex, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { KbcError } from '../kbc/kbc-error.js';
import type { Transport } from '../kbc/transport.js';
import { type AttestationKeyChoice, withAttestationKey } from './attestation-key.js';
import { flushing } from './commands/context.js';
import { activateCredential } from './commands/credential.js';
import { readNv, readNvPublic } from './commands/nv.js';
import { createPrimary } from './commands/object.js';
import { RH } from './constants.js';
import { ekTemplate, type KeyKind } from './templates.js';
import type { Tpm } from './tpm.js';

/** NV indexes of EK certificates for the default templates (TCG EK Credential Profile, section 2.2.1.4). */
const EK_CERTIFICATE: Readonly<Record<KeyKind, number>> = { rsa2048: 0x01c0_0002, p256: 0x01c0_000a };

export interface EnrolOptions {
  readonly tpm: Tpm;
  readonly transport: Transport;
  /** Attestation key to enrol. Default: the RSA key that the endorsement hierarchy gives. */
  readonly key?: AttestationKeyChoice;
  /** Endorsement key. Default: RSA. */
  readonly endorsementKey?: KeyKind;
  /** DER of the EK certificate, in place of the one in the TPM; then CAs between it and the server's. */
  readonly certificates?: readonly Uint8Array[];
  /** Admin token, where the server lets administrators alone enrol. */
  readonly adminToken?: string;
}

/** What the server says of an enrolled key. */
export interface Enrolled {
  /** Name of the attestation key, hex. */
  readonly name: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/**
 * Enrols the attestation key with the server as privacy CA: the keys go there, the TPM opens the credential that comes
 * back, and the secret in it shows that both keys are in one TPM.
 *
 * @throws TpmError, KbcError
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled> {
  const { tpm } = options;
  const kind = options.endorsementKey ?? 'rsa2048';
  const certificates = options.certificates ?? (await certificatesOf(tpm, kind));
  const ek = await createPrimary(tpm, RH.endorsement, ekTemplate(kind));
  return flushing.after(tpm, ek.handle, () =>
    withAttestationKey(tpm, options.key ?? { kind: 'rsa2048' }, async (ak) => {
      const challenge = await ask(options, 'challenge', {
        ak_public: encodeBase64(ak.publicBytes),
        ek_public: encodeBase64(ek.publicBytes),
        ek_certificates: certificates.map((der) => encodeBase64(der)),
      });
      const secret = await activateCredential(tpm, ak.handle, ek.handle, {
        idObject: decodeBase64(textOf(challenge, 'credential_blob')),
        encryptedSecret: decodeBase64(textOf(challenge, 'encrypted_secret')),
      });
      const enrolled = await ask(options, 'answer', { id: textOf(challenge, 'id'), secret: encodeBase64(secret) });
      const name = textOf(enrolled, 'ak_name');
      if (name !== encodeHex(ak.name)) throw new KbcError('protocol', 'enrol: the server enrolled another key');
      return { name, expiresAt: textOf(enrolled, 'expires_at') };
    }),
  );
}

/** The certificate that the maker left in the TPM; firmware pads the index behind it. */
async function certificatesOf(tpm: Tpm, kind: KeyKind): Promise<readonly Uint8Array[]> {
  const index = EK_CERTIFICATE[kind];
  if ((await readNvPublic(tpm, index)) === undefined) return [];
  return [firstElement(await readNv(tpm, index))];
}

/** The first DER element of bytes that may go on behind it; all of them where they do not begin with one. */
export function firstElement(bytes: Uint8Array): Uint8Array {
  const [tag, first = 0] = bytes;
  if (tag !== 0x30) return bytes;
  if (first < 0x80) return bytes.subarray(0, 2 + first);
  const count = first & 0x7f;
  if (count === 0 || count > 3 || bytes.length < 2 + count) return bytes;
  const length = bytes.subarray(2, 2 + count).reduce((value, octet) => value * 256 + octet, 0);
  return bytes.subarray(0, 2 + count + length);
}

async function ask(
  { transport, adminToken }: EnrolOptions,
  step: 'challenge' | 'answer',
  body: JsonValue,
): Promise<JsonValue> {
  const answer = await transport({
    method: 'POST',
    path: `/kbs/v0/tpm/${step}`,
    headers: {
      'content-type': 'application/json',
      ...(adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` }),
    },
    body: Buffer.from(JSON.stringify(body)),
  });
  if (answer.status === 200) return parsed(answer.body, step);
  throw refusalOf(answer.status, answer.body, step);
}

function parsed(body: Uint8Array, step: string): JsonValue {
  try {
    return parseJsonStrict(body);
  } catch (error) {
    throw new KbcError('protocol', `${step}: the answer is no JSON`, { cause: error });
  }
}

function refusalOf(status: number, body: Uint8Array, step: string): KbcError {
  const reason = status === 404 ? 'missing' : status === 429 || status >= 500 ? 'unavailable' : 'refused';
  let said: JsonValue;
  try {
    said = parseJsonStrict(body);
  } catch (cause) {
    return new KbcError('protocol', `${step}: status ${status}, and no error body of the protocol`, { status, cause });
  }
  const detail = isJsonObject(said) && typeof said['detail'] === 'string' ? said['detail'] : `status ${status}`;
  const code = isJsonObject(said) && typeof said['code'] === 'string' ? said['code'] : undefined;
  const hint = status === 404 ? ' (enrolment is switched off there: `tpm.enrolment`)' : '';
  return new KbcError(reason, `${step}: ${detail}${hint}`, { status, ...(code === undefined ? {} : { code }) });
}

function textOf(value: JsonValue, member: string): string {
  const found = isJsonObject(value) ? value[member] : undefined;
  if (typeof found === 'string') return found;
  throw new KbcError('protocol', `enrol: the server's answer has no text \`${member}\``);
}
