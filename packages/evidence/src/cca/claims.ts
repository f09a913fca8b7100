/** Claims of an authentic token, by the names that policies of Confidential Containers know. */
import { encodeBase64, encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import type { PlatformClaims, SoftwareComponent } from './token/platform.js';
import type { RealmClaims } from './token/realm.js';
import type { AuthenticToken } from './verify.js';

/**
 * What policies see under `input.cca`, with `report_data` and `init_data`, which the service moves to the top.
 *
 * Byte strings are base64, names kebab-case, as Trustee's verifier has them. It gives the four ids and measurements, the
 * challenge and the hash algorithm; the other claims of the token stand beside them under the names of the same family.
 */
export function ccaClaims({ anchor, token: { platform, realm }, veraison }: AuthenticToken): JsonObject {
  return {
    platform: platformClaims(platform),
    realm: realmClaims(realm),
    report_data: encodeHex(realm.challenge),
    init_data: encodeHex(realm.personalizationValue),
    // Tiers of a Veraison service, where it vouches for the platform.
    ...(veraison === undefined ? {} : { veraison: { ...veraison } }),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(anchor.emulated === true ? { emulated: true } : {}),
  };
}

function platformClaims(platform: PlatformClaims): JsonObject {
  return {
    'cca-platform-instance-id': encodeBase64(platform.instanceId),
    'cca-platform-implementation-id': encodeBase64(platform.implementationId),
    'cca-platform-profile': platform.profile,
    'cca-platform-config': encodeBase64(platform.config),
    'cca-platform-lifecycle': platform.lifecycle,
    'cca-platform-hash-algo-id': platform.hashAlgorithm,
    'cca-platform-sw-components': platform.softwareComponents.map(componentClaims),
    ...optional('cca-platform-service-indicator', platform.verificationService),
  };
}

function componentClaims(component: SoftwareComponent): JsonObject {
  return {
    'measurement-value': encodeBase64(component.measurement),
    'signer-id': encodeBase64(component.signerId),
    ...optional('measurement-type', component.type),
    ...optional('version', component.version),
    ...optional('hash-algo-id', component.hashAlgorithm),
  };
}

function realmClaims(realm: RealmClaims): JsonObject {
  return {
    'cca-realm-challenge': encodeBase64(realm.challenge),
    'cca-realm-personalization-value': encodeBase64(realm.personalizationValue),
    'cca-realm-initial-measurement': encodeBase64(realm.initialMeasurement),
    'cca-realm-extensible-measurements': realm.extensibleMeasurements.map((one) => encodeBase64(one)),
    'cca-realm-hash-algo-id': realm.hashAlgorithm,
    'cca-realm-public-key': encodeBase64(realm.publicKey),
    'cca-realm-public-key-hash-algo-id': realm.publicKeyHashAlgorithm,
    ...optional('cca-realm-profile', realm.profile),
  };
}

function optional(name: string, value: string | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

/** Which finding made a claim. */
export const CCA_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'cca.realm.binding',
  platform: 'cca.platform.signature',
  'platform.cca-platform-lifecycle': 'cca.platform.lifecycle',
  'platform.cca-platform-profile': 'cca.token.profile',
  realm: 'cca.realm.signature',
  veraison: 'cca.veraison.status',
  'realm.cca-realm-challenge': 'binding.report-data.match',
  'realm.cca-realm-personalization-value': 'binding.init-data.match',
  report_data: 'binding.report-data.match',
  init_data: 'binding.init-data.match',
};

/** Every claim of a token, for those who look at one: byte strings as hex, null where a claim is absent. */
export function tokenMembers({ platform, realm }: { platform: PlatformClaims; realm: RealmClaims }): JsonObject {
  return {
    realm: {
      challenge: encodeHex(realm.challenge),
      rim: encodeHex(realm.initialMeasurement),
      rem: realm.extensibleMeasurements.map((one) => encodeHex(one)),
      rpv: encodeHex(realm.personalizationValue),
      hash_alg: realm.hashAlgorithm,
      pubkey_hash_alg: realm.publicKeyHashAlgorithm,
      profile: realm.profile ?? null,
    },
    platform: {
      profile: platform.profile,
      implementation_id: encodeHex(platform.implementationId),
      instance_id: encodeHex(platform.instanceId),
      config: encodeHex(platform.config),
      lifecycle: platform.lifecycle,
      hash_alg: platform.hashAlgorithm,
      verification_service: platform.verificationService ?? null,
      sw_components: platform.softwareComponents.map((one) => ({
        ...optional('type', one.type),
        measurement: encodeHex(one.measurement),
        ...optional('version', one.version),
        signer_id: encodeHex(one.signerId),
        ...optional('hash_alg', one.hashAlgorithm),
      })),
    },
  };
}
