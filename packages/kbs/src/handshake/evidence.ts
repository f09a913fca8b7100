import type { EvidenceEntry, InitData, RuntimeData } from '@assay/attestation-service';
import { type Attestation, DEFAULT_HASH_ALGORITHM, protocolTraits, runtimeDataBindings } from '@assay/protocol';
import type { Session } from './session.js';

/**
 * What the Attestation Service is asked to verify: the primary evidence first, then the devices in the order in which the
 * guest wrote them. The runtime data is built here from what this service issued and the guest's key, never taken from the guest.
 *
 * @throws ProtocolError `request.key.supported` where the version has no binding for this type of key
 */
export function evidenceEntries(session: Session, nonce: string, attestation: Attestation): readonly EvidenceEntry[] {
  const hashAlgorithm = session.hash ?? DEFAULT_HASH_ALGORITHM;
  const runtimeData = (role: 'primary' | 'device') => binding(session, nonce, attestation, role);
  const primary: EvidenceEntry = {
    tee: session.tee,
    evidence: attestation.primaryEvidence,
    runtimeData: runtimeData('primary'),
    initData: initData(attestation),
    hashAlgorithm,
  };
  const devices = attestation.devices.map(
    (device): EvidenceEntry => ({
      tee: device.tee,
      evidence: device.evidence,
      runtimeData: runtimeData('device'),
      initData: { form: 'none' },
      hashAlgorithm,
    }),
  );
  return [primary, ...devices];
}

function binding(session: Session, nonce: string, attestation: Attestation, role: 'primary' | 'device'): RuntimeData {
  const { teePubkey, additionalEvidence } = attestation;
  const forms = runtimeDataBindings(session.version, { nonce, teePubkey, additionalEvidence }, role);
  const [first] = forms;
  if (first === undefined) throw new Error('a protocol version without a binding');
  const plain = protocolTraits(session.version).runtimeData.every((form) => form === 'object');
  if (plain) return { form: 'structured', value: first.object };
  // 0.1.0 has two texts under one version and nothing that tells them apart: the evidence may match either.
  const preimages = forms.map((form) => ({
    text: Buffer.from(form.bytes).toString('utf8'),
    members: form.form === 'fields' ? 'nonce, n, e' : 'nonce, tee-pubkey',
  }));
  return { form: 'structured', value: first.object, preimages };
}

function initData({ initDataToml }: Attestation): InitData {
  return initDataToml === undefined ? { form: 'none' } : { form: 'toml', text: initDataToml };
}
