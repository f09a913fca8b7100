/** The reference page, made from the register so that it cannot drift. */
import { GUEST_CODES } from './guest-codes.js';
import { FINDING_IDS, type FindingId, registerEntry } from './register/index.js';

const AREAS: { readonly [area: string]: string } = {
  request: 'Requests',
  session: 'Sessions',
  binding: 'Binding of evidence to the exchange',
  evidence: 'Evidence',
  token: 'Attestation tokens',
  response: 'Answers, as a client sees them',
  dcap: 'Intel DCAP',
  tdx: 'Intel TDX',
  sgx: 'Intel SGX',
  collateral: 'Collateral',
  snp: 'AMD SEV-SNP',
  sev: 'AMD SEV and SEV-ES',
  tpm: 'TPM 2.0',
  az: 'Azure confidential VMs',
  csv: 'Hygon CSV and DCU',
  se: 'IBM Secure Execution',
  'enclave-cc': 'Confidential Containers in SGX enclaves (enclave-cc)',
  eventlog: 'Event logs',
  policy: 'Policies',
  rv: 'Reference values',
  resource: 'Resources',
  kms: 'Key management',
  storage: 'Storage',
  admin: 'Administration',
  audit: 'Audit',
  clock: 'Clocks',
  net: 'Network',
  tls: 'TLS',
  config: 'Configuration',
  internal: 'Defects',
};

/** Markdown of `docs/reference/findings.md`. */
export function renderReference(): string {
  const areas = new Map<string, FindingId[]>();
  for (const id of FINDING_IDS) {
    const area = id.slice(0, id.indexOf('.'));
    areas.set(area, [...(areas.get(area) ?? []), id]);
  }
  return `${[
    '# Findings and error codes',
    '',
    '<!-- Generated from the register in packages/bytes/src/findings; do not edit by hand. -->',
    '',
    'Every check has an id, and its answer is a finding. Error codes of the HTTP interfaces are ids of the same register.',
    'An id never changes its meaning and is never used again.',
    '',
    '## What a guest is told',
    '',
    'A guest is not told which check failed. It gets one of these codes and the attempt id, by which the owner finds everything.',
    '',
    '| code | status | means |',
    '| --- | --- | --- |',
    ...Object.entries(GUEST_CODES).map(([code, entry]) => `| \`${code}\` | ${entry.status} | ${entry.means} |`),
    ...[...areas].flatMap(([area, ids]) => ['', `## ${AREAS[area] ?? area}`, ...ids.flatMap(section)]),
  ].join('\n')}\n`;
}

function section(id: FindingId): string[] {
  const entry = registerEntry(id);
  const facts = [
    `${entry.severity}${entry.unmet === 'warn' ? ' (a warning)' : ''}`,
    `stage ${entry.stage}`,
    `${entry.party} can act`,
    ...(entry.guest === undefined ? ['not told to guests'] : [`guests see \`${entry.guest}\``]),
    `status ${entry.status} on /api`,
    `since ${entry.since}`,
  ];
  return [
    '',
    `### <a id="${id}"></a>\`${id}\``,
    '',
    `Checks: ${entry.checks}. Says: ${quoted(entry.title)}`,
    '',
    facts.join(' · '),
    '',
    ...(entry.causes.length === 0 ? [] : ['Likely causes:', '', ...entry.causes.map((cause) => `- ${cause}`), '']),
    `What to do: ${entry.remedy}`,
    ...(entry.retired === undefined
      ? []
      : [
          '',
          `Retired in ${entry.retired.in}${entry.retired.replacedBy === undefined ? '' : `, replaced by \`${entry.retired.replacedBy}\``}.`,
        ]),
  ];
}

function quoted(template: string): string {
  return `"${template.replaceAll('~}', '}').replace(/\{([a-z]+)\}/g, '*$1*')}"`;
}
