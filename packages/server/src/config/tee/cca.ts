/** Platform keys and rules of the owner for Arm CCA. */
import { readFileSync } from 'node:fs';
import { parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import { type CcaVerifierOptions, parseReferenceValues, parseTrustAnchors } from '@assay/evidence/cca';
import { type CoseKey, keyFromJwk } from '@assay/evidence/cose';
import Type, { type Static } from 'typebox';
import { OptionalText, section } from '../field.js';
import type { Loosened } from './loosened.js';

export const CcaSettings = section('Platform keys and rules for evidence of Arm CCA, judged before any policy.', {
  trust_anchors: OptionalText(
    'JSON file with the platform keys (CPAK) of the machines that are trusted, in the form of Trustee’s `ta-store`: a list of `pkey`, `implementation-id`, `instance-id`. Without a machine’s key its tokens are incomplete.',
  ),
  veraison: OptionalText(
    'Address of a Veraison service that is asked about platforms whose key is not in `cca.trust_anchors`: `https://veraison.example:8080`. CAs and proxy are those of `collateral`.',
  ),
  veraison_key: OptionalText(
    'JSON file with the public key (JWK, P-256 or P-384) under which that service signs its results. It is pinned: what the service publishes is not believed.',
  ),
  reference_values: OptionalText(
    'JSON file with reference values of platforms and realms, in the form of Trustee’s `rv-store`. Without it policies alone judge the measurements.',
  ),
  reference_mismatch: Type.Enum(['refuse', 'warn'], {
    description: 'What it means that `cca.reference_values` has not all of a platform or realm.',
    default: 'refuse',
  }),
  emulated_trust_anchors: OptionalText(
    'JSON file with platform keys of emulated hardware, in the same form. Evidence under them proves nothing: claims say `emulated`. For development only.',
  ),
});

type CcaSection = Static<typeof CcaSettings>;

/** What the verifier of `@assay/evidence` takes; files are read here, once. @throws AssayError `config.file.form` */
export function ccaOptions(settings: CcaSection): CcaVerifierOptions {
  const { emulated_trust_anchors: emulated, reference_values: references, trust_anchors: anchors } = settings;
  const veraison = veraisonKey(settings);
  return {
    ...(anchors === undefined ? {} : { anchors: readAs('trust_anchors', anchors, parseTrustAnchors) }),
    ...(emulated === undefined
      ? {}
      : { emulatedAnchors: readAs('emulated_trust_anchors', emulated, parseTrustAnchors) }),
    ...(veraison === undefined ? {} : { veraison }),
    rules: {
      referenceMismatch: settings.reference_mismatch,
      ...(references === undefined ? {} : { references: readAs('reference_values', references, parseReferenceValues) }),
    },
  };
}

/** The service's key; an address without a key, or a key without an address, is a mistake. */
function veraisonKey({ veraison: url, veraison_key: file }: CcaSection): CoseKey | undefined {
  if (url !== undefined && file === undefined)
    throw wrong('veraison_key', 'absent', 'it is wanted with `cca.veraison`');
  if (url === undefined && file !== undefined)
    throw wrong('veraison', 'absent', 'it is wanted with `cca.veraison_key`');
  if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw wrong('veraison', `\`${url}\``, 'an address like `https://veraison.example:8080` is wanted');
  }
  if (file === undefined) return undefined;
  return readAs('veraison_key', file, (bytes) => keyFromJwk(parseJsonStrict(bytes)), 'a JWK is wanted');
}

export function loosenedCca({ emulated_trust_anchors: emulated, ...settings }: CcaSection): readonly Loosened[] {
  return [
    ...(settings.reference_mismatch === 'warn' && settings.reference_values !== undefined
      ? [
          {
            key: 'reference_mismatch',
            actual: 'warn',
            why: 'platforms and realms without a reference value are accepted',
          },
        ]
      : []),
    ...(emulated === undefined
      ? []
      : [
          {
            key: 'emulated_trust_anchors',
            actual: emulated,
            why: 'evidence of emulated hardware is accepted as authentic; it proves nothing',
          },
        ]),
  ];
}

function readAs<T>(
  key: string,
  path: string,
  parse: (bytes: Uint8Array) => T,
  expected = 'a JSON store of Trustee’s form is wanted',
): T {
  try {
    return parse(new Uint8Array(readFileSync(path)));
  } catch (error) {
    const actual = `${path}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
    throw wrong(key, actual, expected, error);
  }
}

function wrong(key: string, actual: string, expected: string, cause?: unknown): Error {
  return assayError('config.file.form', {
    params: { file: 'settings', line: '', key: `cca.${key}`, actual, expected },
    ...(cause === undefined ? {} : { cause }),
  });
}
