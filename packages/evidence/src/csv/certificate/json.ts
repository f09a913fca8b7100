/** Certificates as `csv-rs` writes them in JSON: put together again, because signatures are over the bytes. */
import { type ByteMember, MemberFault, member, memberObject, objectAt } from '../json.js';

/** An HSK: `{"body":{"preamble":{…},"pubkey":{…},…},"signature":{…},"_reserved":[…]}`. @throws MemberFault */
export function caCertificateOf(value: ByteMember, path: string): Uint8Array {
  const certificate = memberObject(value, path);
  const body = objectAt(certificate, 'body');
  const preamble = objectAt(body, 'preamble');
  const data = objectAt(preamble, 'data');
  const key = objectAt(body, 'pubkey');
  const signature = objectAt(certificate, 'signature');
  return joined([
    member(preamble, 'ver', 4),
    member(data, 'kid', 16),
    member(data, 'sid', 16),
    member(data, 'usage', 4),
    member(data, 'reserved', 24),
    ...point(key),
    member(body, 'uid_size', 2),
    member(body, 'user_id', 254),
    member(body, 'reserved', 108),
    member(signature, 'r', 72),
    member(signature, 's', 72),
    member(certificate, '_reserved', 112),
  ]);
}

/** A CEK or PEK: `{"body":{"ver":1,"data":{…}},"sigs":[{…},{…}]}`. @throws MemberFault */
export function csvCertificateOf(value: ByteMember, path: string): Uint8Array {
  const certificate = memberObject(value, path);
  const body = objectAt(certificate, 'body');
  const data = objectAt(body, 'data');
  const firmware = objectAt(data, 'firmware');
  const key = objectAt(data, 'pubkey');
  const slots = certificate.value['sigs'];
  if (!Array.isArray(slots) || slots.length !== 2) {
    throw new MemberFault(`${path}.sigs`, 'not a list of two', 'two signatures are due');
  }
  return joined([
    member(body, 'ver', 4),
    member(firmware, 'major', 1),
    member(firmware, 'minor', 1),
    member(data, 'reserved1', 2),
    member(key, 'usage', 4),
    member(key, 'algo', 4),
    ...point(objectAt(key, 'key')),
    member(data, 'uid_size', 2),
    member(data, 'user_id', 254),
    member(data, 'sid', 16),
    member(data, 'reserved2', 608),
    ...slots.flatMap((slot, index) => {
      const object = memberObject(slot, `${path}.sigs[${index}]`);
      const signature = objectAt(object, 'signature');
      return [
        member(object, 'usage', 4),
        member(object, 'algo', 4),
        member(signature, 'r', 72),
        member(signature, 's', 72),
        member(object, '_reserved', 368),
      ];
    }),
  ]);
}

function point(key: ReturnType<typeof objectAt>): Uint8Array[] {
  return [member(key, 'g', 4), member(key, 'x', 72), member(key, 'y', 72)];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
