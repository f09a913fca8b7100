import { TpmWriter } from '@assay/evidence/tpm';
import { ALG, CC, RH } from '../constants.js';
import { type Authorization, NO_PASSWORD } from '../session.js';
import { handleOf, parametersOf, sized, type Tpm } from '../tpm.js';
import { flushing } from './context.js';
import { random } from './random.js';

/** TPM_SE_POLICY. */
const POLICY = 1;
const LARGEST_NONCE = 64;
const LARGEST_SECRET = 64;

/** What TPM2_MakeCredential gives: a secret for the TPM that holds both keys. */
export interface Credential {
  /** TPM2B_ID_OBJECT without its size: integrity, and the encrypted secret. */
  readonly idObject: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET without its size: the seed, encrypted to the endorsement key. */
  readonly encryptedSecret: Uint8Array;
}

/**
 * TPM2_ActivateCredential: opens a credential made for `attestationKey` and for the endorsement key `endorsementKey` with
 * the TCG's default policy (PolicySecret of the endorsement hierarchy).
 *
 * @param hierarchy authorisation of the endorsement hierarchy
 * @throws TpmError `refused` where the credential is for other keys
 */
export async function activateCredential(
  tpm: Tpm,
  attestationKey: number,
  endorsementKey: number,
  credential: Credential,
  hierarchy: Authorization = NO_PASSWORD,
): Promise<Uint8Array> {
  const session = await startPolicySession(tpm);
  return flushing.after(tpm, session, async () => {
    await policySecret(tpm, session, RH.endorsement, hierarchy);
    const name = 'TPM2_ActivateCredential';
    const answer = await tpm.execute({
      name,
      code: CC.activateCredential,
      handles: [attestationKey, endorsementKey],
      authorizations: [NO_PASSWORD, { kind: 'policy', handle: session, keep: true }],
      parameters: new TpmWriter().sized(credential.idObject).sized(credential.encryptedSecret).finish(),
    });
    return parametersOf(name, answer, (reader) => sized(reader, 'secret', LARGEST_SECRET));
  });
}

/** TPM2_StartAuthSession of a policy session, SHA-256, without salt, key and encryption. The caller flushes it. */
export async function startPolicySession(tpm: Tpm): Promise<number> {
  const name = 'TPM2_StartAuthSession';
  const nonce = await random(tpm, 32);
  const answer = await tpm.execute({
    name,
    code: CC.startAuthSession,
    handles: [RH.null, RH.null],
    parameters: new TpmWriter().sized(nonce).u16(0).u8(POLICY).u16(ALG.null).u16(ALG.sha256).finish(),
    answersHandle: true,
  });
  return flushing.onError(tpm, handleOf(answer), () =>
    parametersOf(name, answer, (reader) => {
      sized(reader, 'nonce', LARGEST_NONCE);
      return handleOf(answer);
    }),
  );
}

/** TPM2_PolicySecret: the session then shows that its user knows the authorisation of an entity. */
export async function policySecret(
  tpm: Tpm,
  session: number,
  entity: number,
  authorization: Authorization = NO_PASSWORD,
): Promise<void> {
  const name = 'TPM2_PolicySecret';
  const answer = await tpm.execute({
    name,
    code: CC.policySecret,
    handles: [entity, session],
    authorizations: [authorization],
    // No nonce, no cpHash, no policy reference, no expiry.
    parameters: new TpmWriter().u16(0).u16(0).u16(0).u32(0).finish(),
  });
  parametersOf(name, answer, (reader) => {
    sized(reader, 'time-out');
    reader.u16be('ticket tag');
    reader.u32be('ticket hierarchy');
    sized(reader, 'ticket digest', LARGEST_SECRET);
  });
}
