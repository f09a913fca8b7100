/** The platform chain: every certificate read, every signature checked, every answer kept. */
import { createHash, type KeyObject } from 'node:crypto';
import { DecodeError, encodeBase64url } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, refuses, warned } from '@assay/bytes/findings';
import { type ParsedAuthorityCertificate, parseAuthorityCertificate } from '../certificate/authority.js';
import { readAlgorithm, USAGE } from '../certificate/constants.js';
import { type ParsedPlatformCertificate, parsePlatformCertificate } from '../certificate/platform.js';
import { authoritySigned, authoritySignedPlatform, platformSigned, publicKeyOf } from '../certificate/signature.js';
import { CHAIN_ROLES, type ChainFiles, type ChainRole } from './files.js';
import { anchorFor, type SevAnchor, type SevTrust, sha256 } from './roots.js';

/** Names of the links, as results show them. */
export const LINKS = ['ark_self', 'ark_ask', 'ask_cek', 'cek_pek', 'oca_pek', 'oca_self', 'pek_pdh'] as const;
export type LinkName = (typeof LINKS)[number];

/** A platform whose chain leads to a trusted ARK: made by {@link verifySevChain} and nothing else. */
export interface AuthenticPlatform {
  readonly __brand: 'AuthenticPlatform';
  readonly pdh: ParsedPlatformCertificate;
  /** Key that the platform agrees on secrets with. */
  readonly pdhKey: KeyObject;
  /** RFC 7638 thumbprint (SHA-256, base64url) of the PDH. */
  readonly pdhThumbprint: string;
  readonly anchor: SevAnchor;
  /** SHA-256 of the CEK's signed part, which belongs to one chip: lower-case hex. */
  readonly chip: string;
}

export interface SevChainVerification {
  readonly findings: readonly FindingDraft[];
  /** Those that could be checked. */
  readonly links: { readonly [link in LinkName]?: boolean };
  /** `RSA-2048 PSS SHA-256` or `RSA-4096 PSS SHA-384`. */
  readonly authorityAlgorithm?: string;
  readonly authentic?: AuthenticPlatform;
}

interface Parsed {
  readonly pdh?: ParsedPlatformCertificate;
  readonly pek?: ParsedPlatformCertificate;
  readonly oca?: ParsedPlatformCertificate;
  readonly cek?: ParsedPlatformCertificate;
  readonly ask?: ParsedAuthorityCertificate;
  readonly ark?: ParsedAuthorityCertificate;
}

/** Verifies a chain. Pure, and without exceptions for what the files may hold. */
export function verifySevChain(files: ChainFiles, trust: SevTrust): SevChainVerification {
  const { parsed, findings } = read(files);
  const anchor = parsed.ark === undefined ? undefined : anchorFor(parsed.ark, trust);
  findings.push(...usages(parsed), ...root(parsed, anchor, trust));
  const links = checkLinks(parsed, anchor);
  findings.push(...linkFindings(links));
  const authentic = authenticate(parsed, anchor, links, findings);
  if (authentic !== undefined) findings.push(hardware(authentic));
  const { ask } = parsed;
  return {
    findings,
    links,
    ...(ask === undefined ? {} : { authorityAlgorithm: algorithmName(ask) }),
    ...(authentic === undefined ? {} : { authentic }),
  };
}

function read(files: ChainFiles): { readonly parsed: Parsed; readonly findings: FindingDraft[] } {
  const findings: FindingDraft[] = [];
  const parsed: { [role in ChainRole]?: ParsedPlatformCertificate | ParsedAuthorityCertificate } = {};
  const missing = CHAIN_ROLES.filter((role) => files[role] === undefined);
  for (const role of CHAIN_ROLES) {
    const bytes = files[role];
    if (bytes === undefined) continue;
    try {
      parsed[role] = isAuthority(role) ? parseAuthorityCertificate(bytes) : parsePlatformCertificate(bytes);
      findings.push(passed('sev.cert.form', name(role)));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      findings.push(malformed(role, error));
    }
  }
  if (missing.length > 0) {
    findings.push(
      failed('sev.chain.complete', {
        subject: 'chain',
        params: { list: missing.map(name).join(', ') },
        expected: CHAIN_ROLES.map(name),
        actual: CHAIN_ROLES.filter((role) => !missing.includes(role)).map(name),
        source: 'SEV API: certificate hierarchy',
        origin: { kind: 'vendor', vendor: 'AMD', document: 'platform certificate chain' },
      }),
    );
  }
  return { parsed: parsed as Parsed, findings };
}

function malformed(role: ChainRole, error: DecodeError): FindingDraft {
  return failed('sev.cert.form', {
    subject: name(role),
    params: { cert: name(role), what: error.reason },
    actual: error.reason,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: 'SEV API, appendix C',
    origin: { kind: 'spec', document: 'AMD 55766' },
  });
}

/** Usage and kind of key that belong to a place. */
const PLACES = {
  pdh: { usage: USAGE.PDH, kinds: ['ecdh'] },
  pek: { usage: USAGE.PEK, kinds: ['ecdsa'] },
  oca: { usage: USAGE.OCA, kinds: ['ecdsa', 'rsa'] },
  cek: { usage: USAGE.CEK, kinds: ['ecdsa'] },
} as const;

function usages(parsed: Parsed): FindingDraft[] {
  return CHAIN_ROLES.flatMap((role) => {
    const certificate = parsed[role];
    if (certificate === undefined) return [];
    if (role === 'ask' || role === 'ark') {
      const expected = role === 'ask' ? USAGE.ASK : USAGE.ARK;
      if (certificate.usage === expected) return [passed('sev.chain.usage', name(role))];
      return [wrongUsage(role, certificate.usage, 'RSA', `usage ${hex(expected)}`)];
    }
    const { usage, kinds } = PLACES[role];
    const { algorithm } = certificate as ParsedPlatformCertificate;
    const kind = readAlgorithm(algorithm)?.kind;
    if (certificate.usage === usage && kinds.some((one) => one === kind))
      return [passed('sev.chain.usage', name(role))];
    return [wrongUsage(role, certificate.usage, hex(algorithm), `usage ${hex(usage)}, ${kinds.join(' or ')}`)];
  });
}

function wrongUsage(role: ChainRole, actual: number, algorithm: string, expected: string): FindingDraft {
  return failed('sev.chain.usage', {
    subject: name(role),
    params: { cert: name(role), actual: hex(actual), algorithm, expected },
    expected,
    actual: hex(actual),
    source: 'SEV API: usages of certificates',
    origin: { kind: 'spec', document: 'AMD 55766' },
  });
}

function root({ ark }: Parsed, anchor: SevAnchor | undefined, { anchors }: SevTrust): FindingDraft[] {
  if (ark === undefined) return [];
  if (anchor !== undefined) return [passed('sev.chain.root', 'ARK', anchor.name)];
  const actual = sha256(ark.bytes);
  return [
    failed('sev.chain.root', {
      subject: 'ARK',
      params: { actual, list: anchors.map((one) => one.name).join(', ') },
      expected: anchors.map((one) => one.sha256 ?? one.bodySha256 ?? ''),
      actual,
      compare: { relation: 'one-of', type: 'digest' },
      source: 'pins of this release, and ARKs that the owner named',
      origin: { kind: 'pin', name: 'ARK' },
    }),
  ];
}

function checkLinks(
  { pdh, pek, oca, cek, ask, ark }: Parsed,
  anchor: SevAnchor | undefined,
): SevChainVerification['links'] {
  const between = <A, B>(signer: A | undefined, child: B | undefined, holds: (signer: A, child: B) => boolean) =>
    signer === undefined || child === undefined ? undefined : holds(signer, child);
  const checked: { readonly [link in LinkName]: boolean | undefined } = {
    // The file that AMD published without its signature stands for itself by its pin.
    ark_self: between(ark, ark, (a, b) => (b.signature === undefined ? anchor !== undefined : authoritySigned(a, b))),
    ark_ask: between(ark, ask, authoritySigned),
    ask_cek: between(ask, cek, authoritySignedPlatform),
    cek_pek: between(cek, pek, (a, b) => platformSigned(a, USAGE.CEK, b)),
    oca_pek: between(oca, pek, (a, b) => platformSigned(a, USAGE.OCA, b)),
    oca_self: between(oca, oca, (a, b) => platformSigned(a, USAGE.OCA, b)),
    pek_pdh: between(pek, pdh, (a, b) => platformSigned(a, USAGE.PEK, b)),
  };
  return Object.fromEntries(LINKS.flatMap((link) => (checked[link] === undefined ? [] : [[link, checked[link]]])));
}

const SIGNERS: { readonly [link in LinkName]: readonly [parent: ChainRole, child: ChainRole] } = {
  ark_self: ['ark', 'ark'],
  ark_ask: ['ark', 'ask'],
  ask_cek: ['ask', 'cek'],
  cek_pek: ['cek', 'pek'],
  oca_pek: ['oca', 'pek'],
  oca_self: ['oca', 'oca'],
  pek_pdh: ['pek', 'pdh'],
};

function linkFindings(links: SevChainVerification['links']): FindingDraft[] {
  return LINKS.map((link) => {
    const [parent, child] = SIGNERS[link];
    const subject = `${name(child)} by ${name(parent)}`;
    const holds = links[link];
    if (holds === undefined) return notChecked('sev.chain.links', `not checked: ${subject} was not read`, { subject });
    if (holds) return passed('sev.chain.links', subject);
    return failed('sev.chain.links', {
      subject,
      params: { child: name(child), parent: parent === child ? 'itself' : `the ${name(parent)}` },
      expected: `signed by ${name(parent)}`,
      compare: { relation: 'signed-by', type: 'key' },
      source: 'SEV API: certificate hierarchy',
      origin: { kind: 'vendor', vendor: 'AMD', document: 'platform certificate chain' },
    });
  });
}

function authenticate(
  { pdh, cek }: Parsed,
  anchor: SevAnchor | undefined,
  links: SevChainVerification['links'],
  findings: FindingDraft[],
): AuthenticPlatform | undefined {
  if (pdh === undefined || cek === undefined || anchor === undefined) return undefined;
  if (findings.some(refuses) || !LINKS.every((link) => links[link] === true)) return undefined;
  const pdhKey = publicKeyOf(pdh.key);
  if (pdhKey === undefined || pdh.key.kind !== 'ec') {
    findings.push(malformed('pdh', new DecodeError('SEV certificate', 'its key is no point on its curve')));
    return undefined;
  }
  return {
    __brand: 'AuthenticPlatform',
    pdh,
    pdhKey,
    pdhThumbprint: thumbprint(pdh.key),
    anchor,
    chip: sha256(cek.body),
  };
}

/** RFC 7638 over the members of an EC key, in the order of their names. */
function thumbprint({
  curve,
  x,
  y,
}: {
  readonly curve: string;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}): string {
  const text = JSON.stringify({ crv: curve, kty: 'EC', x: encodeBase64url(x), y: encodeBase64url(y) });
  return createHash('sha256').update(text).digest('base64url');
}

function hardware({ anchor }: AuthenticPlatform): FindingDraft {
  if (anchor.emulated !== true) return passed('evidence.hardware.backed', 'sev');
  return warned('evidence.hardware.backed', {
    subject: 'sev',
    params: { tee: 'emulated sev' },
    source: `${anchor.name}: root of an emulated platform, added by name`,
    origin: { kind: 'setting', key: 'sev.emulated_ark' },
  });
}

function isAuthority(role: ChainRole): boolean {
  return role === 'ask' || role === 'ark';
}

function algorithmName({ bits }: ParsedAuthorityCertificate): string {
  return bits === 2048 ? 'RSA-2048 PSS SHA-256' : 'RSA-4096 PSS SHA-384';
}

function name(role: ChainRole): string {
  return role.toUpperCase();
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
