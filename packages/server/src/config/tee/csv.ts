/** Rules of the owner for Hygon CSV and DCU, and where Hygon's certificates come from. */
import { readFileSync } from 'node:fs';
import { assayError } from '@assay/bytes/findings';
import { CSV_POLICY_FLAGS, type CsvRoot, type CsvVerifierOptions, csvTrustIn } from '@assay/evidence/csv';
import Type, { type Static } from 'typebox';
import { Flag, OptionalText, section, Text, Texts } from '../field.js';
import type { Loosened } from './loosened.js';

export const CsvSettings = section(
  'Rules for evidence of Hygon CSV, judged before any policy, and Hygon’s certificates.',
  {
    hygon_kds: Text('Hygon’s service that gives HSK and CEK of a chip by its serial number, or `off`.', {
      default: 'https://cert.hygon.cn',
    }),
    hsk_cek_folder: OptionalText(
      'Folder that is looked into before that service: `SERIAL/hsk_cek.cert`, HSK and CEK as the service gives them (2916 bytes).',
    ),
    debug_allowed: Flag(
      'Accept guests that the host may debug (NODBG clear in the guest policy). For development.',
      false,
    ),
    required_policy: Type.Array(Type.Enum([...CSV_POLICY_FLAGS]), {
      description: 'Flags that the guest policy must have set.',
      default: [],
    }),
    emulated_hrks: Texts(
      'Root certificates (832 bytes) of emulated hardware. Evidence under them proves nothing: claims say `emulated`. For development only.',
    ),
  },
);

export type CsvSection = Static<typeof CsvSettings>;

/** What the verifiers of `@assay/evidence` take; files are read here, once. @throws AssayError `config.file.form` */
export function csvOptions(settings: CsvSection): CsvVerifierOptions {
  const emulated = settings.emulated_hrks.map(readRoot);
  return {
    ...(emulated.length === 0 ? {} : { emulatedRoots: emulated }),
    rules: { debugAllowed: settings.debug_allowed, requiredPolicy: settings.required_policy },
  };
}

export function loosenedCsv({ debug_allowed: debug, emulated_hrks: emulated }: CsvSection): readonly Loosened[] {
  return [
    ...(debug ? [{ key: 'debug_allowed', actual: true, why: 'the host can read the memory of such guests' }] : []),
    ...(emulated.length === 0
      ? []
      : [
          {
            key: 'emulated_hrks',
            actual: emulated,
            why: 'evidence of emulated hardware is accepted as authentic; it proves nothing',
          },
        ]),
  ];
}

function readRoot(path: string): CsvRoot {
  try {
    const root = { name: `emulated HRK ${path.split('/').at(-1) ?? path}`, bytes: new Uint8Array(readFileSync(path)) };
    csvTrustIn([root]);
    return { ...root, emulated: true };
  } catch (error) {
    const actual = `${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
    const expected = 'a root certificate of 832 bytes is wanted';
    throw assayError('config.file.form', {
      params: { file: 'settings', line: '', key: 'csv.emulated_hrks', actual, expected },
      cause: error,
    });
  }
}
