/** Reference values of CCA platforms and realms, in the form of Trustee (`rv-store`). Upstream reads and ignores them; here they judge. */
import { DecodeError, encodeHex, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { DIGEST_SIZES } from '../token/claims.js';
import type { PlatformClaims, SoftwareComponent } from '../token/platform.js';
import type { RealmClaims } from '../token/realm.js';
import { hexAt, listAt, member, objectAt, optionalTextAt, parseStore } from './json.js';

const FORMAT = 'CCA reference values';
const LARGEST_STORE = 16 * 1024 * 1024;

/** Byte strings as lower-case hex. */
export interface PlatformReference {
  readonly implementationId: string;
  readonly config: string;
  readonly components: readonly ComponentReference[];
}

interface ComponentReference {
  readonly type: string | undefined;
  readonly measurement: string;
  readonly signerId: string;
  readonly version: string | undefined;
}

export interface RealmReference {
  readonly initialMeasurement: string;
  readonly publicKeyHashAlgorithm: string;
  readonly extensibleMeasurements: readonly string[] | undefined;
  readonly personalizationValue: string | undefined;
}

export interface CcaReferences {
  readonly platform: readonly PlatformReference[];
  readonly realm: readonly RealmReference[];
}

/**
 * Reads `{"platform": [{"implementation-id", "sw-components", "platform-configuration"}], "realm": [{"initial-measurement",
 * "rak-hash-algorithm", "extensible-measurements"?, "personalization-value"?}]}`.
 *
 * @throws DecodeError
 */
export function parseReferenceValues(bytes: Uint8Array): CcaReferences {
  const store = objectAt(FORMAT, 'the store', parseStore(bytes, LARGEST_STORE));
  const list = (name: string): readonly JsonObject[] =>
    listAt(FORMAT, name, member(store, name) ?? []).map((one, index) => objectAt(FORMAT, `${name} ${index + 1}`, one));
  return {
    platform: list('platform').map((one, index) => readPlatform(`platform ${index + 1}`, one)),
    realm: list('realm').map((one, index) => readRealm(`realm ${index + 1}`, one)),
  };
}

function readPlatform(path: string, one: JsonObject): PlatformReference {
  const components = listAt(FORMAT, `${path}: sw-components`, member(one, 'sw-components'));
  if (components.length === 0) throw new DecodeError(FORMAT, `${path}: sw-components is empty`);
  return {
    implementationId: hexAt(FORMAT, `${path}: implementation-id`, member(one, 'implementation-id'), [32]),
    config: hexAt(FORMAT, `${path}: platform-configuration`, member(one, 'platform-configuration')),
    components: components.map((component, index) => readComponent(`${path}: component ${index + 1}`, component)),
  };
}

function readComponent(path: string, value: JsonValue): ComponentReference {
  const one = objectAt(FORMAT, path, value);
  const digest = (name: string): string => hexAt(FORMAT, `${path}: ${name}`, member(one, name), DIGEST_SIZES);
  return {
    type: optionalTextAt(FORMAT, `${path}: component-type`, member(one, 'component-type')),
    measurement: digest('measurement-value'),
    signerId: digest('signer-id'),
    version: optionalTextAt(FORMAT, `${path}: version`, member(one, 'version')),
  };
}

function readRealm(path: string, one: JsonObject): RealmReference {
  const algorithm = member(one, 'rak-hash-algorithm');
  if (typeof algorithm !== 'string') throw new DecodeError(FORMAT, `${path}: rak-hash-algorithm is not a text`);
  const measurements = member(one, 'extensible-measurements');
  const value = member(one, 'personalization-value');
  return {
    initialMeasurement: hexAt(FORMAT, `${path}: initial-measurement`, member(one, 'initial-measurement'), DIGEST_SIZES),
    publicKeyHashAlgorithm: algorithm,
    extensibleMeasurements: measurements === undefined ? undefined : readMeasurements(path, measurements),
    personalizationValue:
      value === undefined ? undefined : hexAt(FORMAT, `${path}: personalization-value`, value, [64]),
  };
}

function readMeasurements(path: string, value: JsonValue): readonly string[] {
  const list = listAt(FORMAT, `${path}: extensible-measurements`, value);
  if (list.length !== 4) throw new DecodeError(FORMAT, `${path}: ${list.length} extensible-measurements; 4 are due`);
  return list.map((one, index) =>
    // Stores of some tools wrap each measurement in an object.
    hexAt(
      FORMAT,
      `${path}: extensible-measurements[${index}]`,
      isJsonObject(one) ? member(one, 'value') : one,
      DIGEST_SIZES,
    ),
  );
}

/** What of a platform no reference has; undefined when one has all of it. */
export function unknownPlatform(
  { config, implementationId, softwareComponents }: PlatformClaims,
  references: readonly PlatformReference[],
): string | undefined {
  const id = encodeHex(implementationId);
  const own = references.filter((reference) => reference.implementationId === id);
  const answers = own.map((reference) => {
    if (reference.config !== encodeHex(config)) return 'configuration';
    const stranger = softwareComponents.find((one) => !reference.components.some((known) => fits(one, known)));
    if (stranger !== undefined) return `component ${stranger.type ?? 'without a type'}`;
    const missing = reference.components.find((known) => !softwareComponents.some((one) => fits(one, known)));
    return missing === undefined ? undefined : `without component ${missing.type ?? missing.measurement.slice(0, 8)}`;
  });
  if (answers.length === 0) return 'implementation';
  return answers.includes(undefined) ? undefined : answers[0];
}

/** What a reference leaves open it does not ask for. */
function fits({ measurement, signerId, type, version }: SoftwareComponent, known: ComponentReference): boolean {
  return (
    encodeHex(measurement) === known.measurement &&
    encodeHex(signerId) === known.signerId &&
    (known.type === undefined || known.type === type) &&
    (known.version === undefined || known.version === version)
  );
}

/** What of a realm no reference has; undefined when one has all of it. */
export function unknownRealm(realm: RealmClaims, references: readonly RealmReference[]): string | undefined {
  const rim = encodeHex(realm.initialMeasurement);
  const rem = realm.extensibleMeasurements.map((one) => encodeHex(one));
  const rpv = encodeHex(realm.personalizationValue);
  const answers = references
    .filter(({ initialMeasurement }) => initialMeasurement === rim)
    .map((reference) => {
      if (reference.publicKeyHashAlgorithm !== realm.publicKeyHashAlgorithm) return 'public key hash algorithm';
      const differs = reference.extensibleMeasurements?.findIndex((one, index) => one !== rem[index]) ?? -1;
      if (differs >= 0) return `extensible measurement ${differs}`;
      const { personalizationValue: value } = reference;
      return value === undefined || value === rpv ? undefined : 'personalization value';
    });
  if (answers.length === 0) return 'initial measurement';
  return answers.includes(undefined) ? undefined : answers[0];
}
