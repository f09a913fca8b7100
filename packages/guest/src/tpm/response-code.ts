/** What a TPM means by a response code (part 2, section 6.6): a name, a sentence, and what to do about it. */

export interface ResponseMeaning {
  /** `TPM_RC_VALUE`. */
  readonly name: string;
  readonly means: string;
  readonly remedy: string;
  /** What it is about, where the code says so: `parameter 2`, `handle 1`, `session 1`. */
  readonly about?: string;
}

type Row = readonly [name: string, means: string, remedy: string];

const RESEND = 'Try again; if it stays so, look at what else uses this TPM.';
const DEFECT = 'This is a defect of the client or of the TPM: report it with the command’s name.';
const AUTH =
  'Give the authorisation value that the owner of this TPM set (`tpm2_getcap properties-variable` shows which are set).';
const RESTART = 'Restart the machine (or the emulator): the TPM has to be started up again.';

/** Format 0, version 2.0: codes 0x100 to 0x17f. */
const VERSION_2: ReadonlyMap<number, Row> = new Map<number, Row>([
  [
    0x100,
    [
      'TPM_RC_INITIALIZE',
      'the TPM was not started up',
      'Start swtpm with `--flags startup-clear`, or send TPM2_Startup.',
    ],
  ],
  [0x101, ['TPM_RC_FAILURE', 'the TPM is in failure mode', RESTART]],
  [0x120, ['TPM_RC_DISABLED', 'the command is disabled', 'Enable the hierarchy in the firmware’s settings.']],
  [0x124, ['TPM_RC_AUTH_TYPE', 'authorisation of this kind is not allowed here', DEFECT]],
  [0x125, ['TPM_RC_AUTH_MISSING', 'an authorisation is missing', DEFECT]],
  [0x126, ['TPM_RC_POLICY', 'the policy failed', DEFECT]],
  [0x127, ['TPM_RC_PCR', 'the PCR cannot be used so', 'Use a PCR and bank that this TPM has: `tpm2_getcap pcrs`.']],
  [0x128, ['TPM_RC_PCR_CHANGED', 'PCRs changed in between', RESEND]],
  [0x12f, ['TPM_RC_AUTH_UNAVAILABLE', 'this authorisation is not available for the entity', DEFECT]],
  [
    0x143,
    [
      'TPM_RC_COMMAND_CODE',
      'the TPM does not know the command',
      'Use a TPM 2.0 that has this command, or newer firmware.',
    ],
  ],
  [0x144, ['TPM_RC_AUTHSIZE', 'the authorisation area has a wrong size', DEFECT]],
  [0x146, ['TPM_RC_NV_RANGE', 'read or write beyond the end of the NV index', DEFECT]],
  [0x147, ['TPM_RC_NV_SIZE', 'the NV index has another size', 'Delete the index and define it again.']],
  [0x148, ['TPM_RC_NV_LOCKED', 'the NV index is locked', 'Restart the machine, or use another index.']],
  [0x149, ['TPM_RC_NV_AUTHORIZATION', 'the NV index may not be used with this authorisation', AUTH]],
  [
    0x14a,
    ['TPM_RC_NV_UNINITIALIZED', 'the NV index was never written', 'Let the firmware (or its owner) write it first.'],
  ],
  [
    0x14b,
    [
      'TPM_RC_NV_SPACE',
      'there is no room for another NV index',
      'Delete an index that is not needed: `tpm2_nvundefine`.',
    ],
  ],
  [
    0x14c,
    ['TPM_RC_NV_DEFINED', 'the NV index or persistent handle is taken', 'Use another index, or delete that one.'],
  ],
  [0x153, ['TPM_RC_CPHASH', 'the command is not the one that was authorised', DEFECT]],
]);

/** Format 0, warnings: codes 0x900 to 0x97f. */
const WARNING: ReadonlyMap<number, Row> = new Map<number, Row>([
  [
    0x900,
    ['TPM_RC_CONTEXT_GAP', 'too many old session contexts', 'Flush sessions that nobody uses: `tpm2_flushcontext -s`.'],
  ],
  [
    0x901,
    [
      'TPM_RC_OBJECT_MEMORY',
      'no room for another object',
      'Flush what nobody uses: `tpm2_flushcontext -t`; or use /dev/tpmrm0, which shares the room.',
    ],
  ],
  [
    0x902,
    [
      'TPM_RC_SESSION_MEMORY',
      'no room for another session',
      'Flush sessions that nobody uses: `tpm2_flushcontext -l`.',
    ],
  ],
  [0x903, ['TPM_RC_MEMORY', 'out of memory', RESEND]],
  [
    0x904,
    [
      'TPM_RC_SESSION_HANDLES',
      'no handle for another session',
      'Flush sessions that nobody uses: `tpm2_flushcontext -l`.',
    ],
  ],
  [0x905, ['TPM_RC_OBJECT_HANDLES', 'no handle for another object', 'Flush what nobody uses: `tpm2_flushcontext -t`.']],
  [0x907, ['TPM_RC_LOCALITY', 'wrong locality', 'Use the locality that the PCR or policy asks for.']],
  [0x908, ['TPM_RC_YIELDED', 'the TPM put the command off', RESEND]],
  [0x909, ['TPM_RC_CANCELED', 'the command was cancelled', RESEND]],
  [0x90a, ['TPM_RC_TESTING', 'the TPM tests itself', RESEND]],
  [
    0x910,
    [
      'TPM_RC_REFERENCE_H0',
      'the first handle names nothing that is loaded',
      'Check the handle: `tpm2_getcap handles-persistent`.',
    ],
  ],
  [
    0x911,
    [
      'TPM_RC_REFERENCE_H1',
      'the second handle names nothing that is loaded',
      'Check the handle: `tpm2_getcap handles-persistent`.',
    ],
  ],
  [0x918, ['TPM_RC_REFERENCE_S0', 'the first session is not loaded', DEFECT]],
  [0x919, ['TPM_RC_REFERENCE_S1', 'the second session is not loaded', DEFECT]],
  [0x920, ['TPM_RC_NV_RATE', 'NV memory is written too fast', 'Wait a minute and try again.']],
  [
    0x921,
    [
      'TPM_RC_LOCKOUT',
      'too many wrong authorisations: the TPM is locked out',
      'Wait until the lockout ends, or clear it: `tpm2_dictionarylockout -c`.',
    ],
  ],
  [0x922, ['TPM_RC_RETRY', 'the TPM is busy', RESEND]],
  [0x923, ['TPM_RC_NV_UNAVAILABLE', 'NV memory is not available', RESEND]],
]);

/** Format 1: about a parameter, handle or session. Low six bits. */
const FORMAT_1: ReadonlyMap<number, Row> = new Map<number, Row>([
  [
    0x01,
    ['TPM_RC_ASYMMETRIC', 'asymmetric algorithm not served', 'Use the other kind of key (RSA 2048 or ECC P-256).'],
  ],
  [
    0x02,
    [
      'TPM_RC_ATTRIBUTES',
      'attributes do not fit',
      'Use a key made for this: a restricted signing key quotes, a restricted decryption key activates.',
    ],
  ],
  [0x03, ['TPM_RC_HASH', 'hash algorithm not served', 'Use SHA-256, or enable the bank in the firmware’s settings.']],
  [
    0x04,
    [
      'TPM_RC_VALUE',
      'value out of range, or not fitting its context',
      'Check the value; for a PCR bank see `tpm2_getcap pcrs`.',
    ],
  ],
  [
    0x05,
    [
      'TPM_RC_HIERARCHY',
      'hierarchy is disabled or wrong',
      'Enable the endorsement hierarchy in the firmware’s settings.',
    ],
  ],
  [0x07, ['TPM_RC_KEY_SIZE', 'key size not served', 'Use RSA 2048 or ECC P-256.']],
  [0x0a, ['TPM_RC_TYPE', 'wrong type of object', 'Use a key of the right type.']],
  [
    0x0b,
    [
      'TPM_RC_HANDLE',
      'the handle names nothing here',
      'Check the handle or NV index: `tpm2_getcap handles-persistent`, `tpm2_getcap handles-nv-index`.',
    ],
  ],
  [0x0e, ['TPM_RC_AUTH_FAIL', 'wrong authorisation, and it counts towards lockout', AUTH]],
  [0x12, ['TPM_RC_SCHEME', 'signing or encryption scheme not served', 'Use RSASSA or ECDSA with SHA-256.']],
  [0x15, ['TPM_RC_SIZE', 'a structure has a wrong size', DEFECT]],
  [0x16, ['TPM_RC_SYMMETRIC', 'symmetric algorithm not served', 'Use AES-128 in CFB mode.']],
  [0x17, ['TPM_RC_TAG', 'wrong structure tag', DEFECT]],
  [0x18, ['TPM_RC_SELECTOR', 'union selector is wrong', DEFECT]],
  [0x1a, ['TPM_RC_INSUFFICIENT', 'the command ends too early', DEFECT]],
  [0x1c, ['TPM_RC_KEY', 'the key does not fit', 'Use a key made for this.']],
  [
    0x1d,
    [
      'TPM_RC_POLICY_FAIL',
      'the policy was not met',
      'Use the key with the policy that it was made with; the EK needs the endorsement hierarchy’s authorisation.',
    ],
  ],
  [
    0x1f,
    [
      'TPM_RC_INTEGRITY',
      'integrity check failed: made for another key or TPM',
      'Ask for a new challenge with the keys of this TPM.',
    ],
  ],
  [0x22, ['TPM_RC_BAD_AUTH', 'wrong authorisation', AUTH]],
  [0x26, ['TPM_RC_CURVE', 'curve not served', 'Use P-256.']],
  [0x27, ['TPM_RC_ECC_POINT', 'the point is not on the curve', 'Ask for a new challenge.']],
]);

/** A TPM that only says this speaks version 1.2. */
const BAD_TAG: Row = ['TPM_RC_BAD_TAG', 'the TPM does not speak version 2.0', 'Use a TPM 2.0; swtpm needs `--tpm2`.'];

/** Codes after which the same command may be sent again: the TPM did nothing. */
const RETRY = new Set([0x908, 0x90a, 0x922]);

/** Whether the TPM only asks to send the command again. */
export function mayRetry(code: number): boolean {
  return RETRY.has(code);
}

/** What a response code means. Codes that are not in the tables keep their number. */
export function responseMeaning(code: number): ResponseMeaning {
  const hex = `0x${code.toString(16).padStart(3, '0')}`;
  if (code === 0x1e) return described(BAD_TAG);
  // The layer above the TPM (a resource manager) marks its own codes in the upper half.
  if (code > 0xfff) return described([`code ${hex}`, 'an answer of a layer between this program and the TPM', RESEND]);
  if ((code & 0x80) !== 0) {
    const row = FORMAT_1.get(code & 0x3f) ?? [`TPM_RC ${hex}`, 'a refusal that is not in the table', DEFECT];
    return { ...described(row), about: subjectOf(code) };
  }
  const row = VERSION_2.get(code) ??
    WARNING.get(code) ?? [`TPM_RC ${hex}`, 'a refusal that is not in the table', DEFECT];
  return described(row);
}

function described([name, means, remedy]: Row): ResponseMeaning {
  return { name, means, remedy };
}

/** Bits 6 and 8 to 11 of a format 1 code (part 2, section 6.6.2, table 14). */
function subjectOf(code: number): string {
  const number = (code >>> 8) & 0xf;
  if ((code & 0x40) !== 0) return `parameter ${number}`;
  return number >= 8 ? `session ${number - 8}` : `handle ${number}`;
}
