import { type AkEnrolment, type EnrolmentActor, enrolmentBytes } from '@assay/attestation-service';
import { encodeBase64 } from '@assay/bytes';
import { asAssayError, type FindingDraft } from '@assay/bytes/findings';
import Type from 'typebox';
import { type Call, json, jsonBody, type ResponseShape, type Route } from './route.js';

const Bytes = (description: string, most: number) =>
  Type.String({ description: `${description}; base64.`, minLength: 1, maxLength: most });

const Keys = Type.Object(
  {
    ak_public: Bytes('TPMT_PUBLIC of the attestation key', 4096),
    ek_public: Bytes('TPMT_PUBLIC of the endorsement key', 4096),
    ek_certificates: Type.Optional(
      Type.Array(Bytes('X.509 certificate in DER', 16_384), {
        description: 'Certificate of the endorsement key, then CAs between it and the server’s.',
        maxItems: 5,
      }),
    ),
  },
  { additionalProperties: false },
);

const Challenge = Type.Object({
  id: Type.String(),
  credential_blob: Bytes('TPM2B_ID_OBJECT without its size', 4096),
  encrypted_secret: Bytes('TPM2B_ENCRYPTED_SECRET without its size', 4096),
  expires_at: Type.String({ format: 'date-time' }),
});

const Opened = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 64 }), secret: Bytes('What TPM2_ActivateCredential gave', 128) },
  { additionalProperties: false },
);

const Enrolled = Type.Object({
  ak_name: Type.String({ description: 'Name of the key, hex.' }),
  expires_at: Type.String({ format: 'date-time' }),
});

const error: ResponseShape = {
  description: 'Refused; `code` is one of the guest codes. The owner finds the reason in the log.',
  contentType: 'application/json',
};

/**
 * Enrolment of attestation keys by guests. Refusals tell a guest one word, as all of the KBS protocol; the owner's log has
 * the finding.
 */
export function tpmRoutes(
  enrolment: AkEnrolment,
  options: {
    readonly access: 'public' | 'admin';
    readonly warn: (finding: Pick<FindingDraft, 'id' | 'title' | 'remedy'>) => void;
  },
): readonly Route[] {
  const common = { tag: 'kbs', errors: 'kbs', access: options.access, bodyLimit: 128 * 1024 } as const;
  const errors = { 401: error, 429: error, 503: error } as const;
  const telling = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      options.warn(asAssayError(thrown).finding);
      throw thrown;
    }
  };
  return [
    {
      ...common,
      id: 'tpm.challenge',
      methods: ['POST'],
      path: '/kbs/v0/tpm/challenge',
      summary: 'Begin to enrol an attestation key of a TPM: keys in, a credential out that only their TPM can open.',
      request: { body: Keys },
      responses: {
        200: { description: 'the credential', contentType: 'application/json', schema: Challenge },
        ...errors,
      },
      handle: (call) =>
        telling(async () => {
          const { ak_public: ak, ek_public: ek, ek_certificates: certificates = [] } = jsonBody(call, Keys);
          const challenge = await enrolment.begin(
            {
              attestationKey: enrolmentBytes('ak_public', ak),
              endorsementKey: enrolmentBytes('ek_public', ek),
              certificates: certificates.map((text, n) => enrolmentBytes(`ek_certificates.${n}`, text)),
            },
            actorOf(call),
          );
          return json({
            id: challenge.id,
            credential_blob: encodeBase64(challenge.credentialBlob),
            encrypted_secret: encodeBase64(challenge.encryptedSecret),
            expires_at: challenge.expiresAt.toISOString(),
          });
        }),
    },
    {
      ...common,
      id: 'tpm.answer',
      methods: ['POST'],
      path: '/kbs/v0/tpm/answer',
      summary: 'Give the secret of the credential, once; the attestation key is enrolled.',
      request: { body: Opened },
      responses: {
        200: { description: 'the enrolled key', contentType: 'application/json', schema: Enrolled },
        ...errors,
      },
      handle: (call) =>
        telling(async () => {
          const { id, secret } = jsonBody(call, Opened);
          const key = await enrolment.finish({ id, secret: enrolmentBytes('secret', secret) }, actorOf(call));
          return json({ ak_name: key.name, expires_at: key.expiresAt });
        }),
    },
  ];
}

/** Who calls, as the record of an enrolment keeps it. */
export function actorOf({ caller, principal }: Call): EnrolmentActor {
  return {
    ...(caller.address === undefined ? {} : { address: caller.address }),
    ...(principal === undefined ? {} : { subject: principal.subject }),
  };
}
