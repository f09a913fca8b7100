/** The four programs that are measured, with their documents. */
import { readFileSync } from 'node:fs';
import { type HostFunction, T, type Value } from '../../packages/rego/src/index.js';

export interface Workload {
  readonly id: string;
  /** For the reader of the source. */
  readonly title: string;
  readonly file: string;
  readonly text: string;
  readonly entrypoint: string;
  readonly input: Value;
  readonly data?: Value;
  readonly hostFunctions: readonly HostFunction[];
}

function policyFile(path: string): { readonly file: string; readonly text: string } {
  const url = new URL(`../../packages/${path}`, import.meta.url);
  return { file: path.split('/').at(-1) ?? path, text: readFileSync(url, 'utf8') };
}

/** 200 registered reference values: those of an SEV-SNP guest that the claims below match, and those of other platforms. */
function referenceValues(): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>([
    ['snp_launch_measurement', [digest(1), digest(2), digest(3), digest(4)]],
    ['snp_bootloader', [3, 4]],
    ['snp_microcode', [209, 210, 211]],
    ['snp_snp_svn', [20, 21, 22, 23]],
    ['snp_tee_svn', [0]],
    ['snp_smt_enabled', true],
    ['snp_tsme_enabled', false],
    ['snp_guest_abi_major', 0],
    ['snp_guest_abi_minor', 31],
    ['snp_single_socket', false],
    ['snp_smt_allowed', true],
  ]);
  for (let i = values.size; i < 200; i++) values.set(`reference_${i}`, [digest(i), digest(i + 1000)]);
  return values;
}

function digest(seed: number): string {
  let text = '';
  for (let i = 0; i < 12; i++) text += ((seed * 2_654_435_761 + i * 40_503) >>> 0).toString(16).padStart(8, '0');
  return text;
}

function queryReferenceValue(): HostFunction {
  const values = referenceValues();
  return { name: 'query_reference_value', args: [T.string], impl: ([name]) => values.get(String(name)) ?? null };
}

const SNP_EVIDENCE: Value = {
  snp: {
    measurement: digest(3),
    policy_abi_major: 0,
    policy_abi_minor: 31,
    policy_debug_allowed: false,
    policy_migrate_ma: false,
    policy_single_socket: false,
    policy_smt_allowed: true,
    platform_smt_enabled: true,
    platform_tsme_enabled: false,
    reported_tcb_bootloader: 4,
    reported_tcb_microcode: 211,
    reported_tcb_snp: 23,
    reported_tcb_tee: 0,
    chip_id: digest(77),
  },
  report_data: digest(5),
  init_data: digest(6),
  init_data_claims: {
    agent_policy_claims: {
      containers: [
        {
          OCI: {
            Annotations: { 'io.kubernetes.cri.image-name': 'ghcr.io/example/app@sha256:1' },
            Process: { User: { UID: 0 } },
          },
        },
        {
          OCI: {
            Annotations: { 'io.kubernetes.cri.image-name': 'ghcr.io/example/db@sha256:2' },
            Process: { User: { UID: 65534 } },
          },
        },
      ],
    },
  },
  runtime_data_claims: { nonce: 'AAAA', 'tee-pubkey': { kty: 'EC', crv: 'P-256' } },
};

const TOKEN_CLAIMS: Value = {
  submods: {
    cpu0: {
      'ear.status': 'affirming',
      'ear.trustworthiness-vector': { executables: 3, hardware: 2, configuration: 2 },
      'ear.veraison.annotated-evidence': SNP_EVIDENCE,
    },
    gpu0: { 'ear.status': 'affirming', 'ear.veraison.annotated-evidence': { nvidia: { secboot: true } } },
  },
};

const COMPREHENSION = `package bench

over := [(x * 2) | some x in input.numbers; x % 3 == 0]

total := sum(over)
`;

const RBAC = `package rbac

default allow := false

allow if {
	some role in user_roles[input.user]
	some grant in role_grants[role]
	grant.action == input.action
	matches(grant.resource, input.resource)
}

user_roles[user] contains role if {
	some binding in data.bindings
	some user in binding.users
	role := binding.role
}

user_roles[user] contains role if {
	some group, members in data.groups
	some user in members
	some binding in data.bindings
	group in binding.groups
	role := binding.role
}

role_grants[role] contains grant if {
	some role, spec in data.roles
	some grant in spec.grants
}

role_grants[role] contains grant if {
	some role, spec in data.roles
	some parent in spec.inherits
	some grant in data.roles[parent].grants
}

matches(pattern, _) if pattern == "*"

matches(pattern, resource) if startswith(resource, pattern)
`;

function rbacData(): Value {
  const roles: Record<string, Value> = {};
  const bindings: Value[] = [];
  const groups: Record<string, Value> = {};
  for (let i = 0; i < 50; i++) {
    roles[`role${i}`] = {
      grants: [
        { action: 'read', resource: `/teams/${i}/` },
        { action: 'write', resource: `/teams/${i}/drafts/` },
      ],
      inherits: i > 0 ? [`role${i - 1}`] : [],
    };
    groups[`group${i}`] = [`user${i}`, `user${(i * 7) % 50}`];
    bindings.push({ role: `role${i}`, users: [`user${i}`], groups: [`group${(i * 3) % 50}`] });
  }
  return { roles, bindings, groups };
}

export function workloads(): readonly Workload[] {
  return [
    {
      id: 'attestation',
      title: 'default CPU attestation policy, SEV-SNP claims, 200 reference values',
      ...policyFile('attestation-service/policies/default_cpu.rego'),
      entrypoint: 'data.policy.trust_claims',
      input: SNP_EVIDENCE,
      hostFunctions: [queryReferenceValue()],
    },
    {
      id: 'resource',
      title: 'resource policy: every part of the guest affirming',
      ...policyFile('kbs/policies/affirming.rego'),
      entrypoint: 'data.policy.allow',
      input: TOKEN_CLAIMS,
      data: { plugin: 'resource', 'resource-path': ['default', 'key', 'one'], query: {} },
      hostFunctions: [],
    },
    {
      id: 'comprehension',
      title: 'comprehension over 10,000 numbers',
      file: 'comprehension.rego',
      text: COMPREHENSION,
      entrypoint: 'data.bench.total',
      input: { numbers: Array.from({ length: 10_000 }, (_, i) => i) },
      hostFunctions: [],
    },
    {
      id: 'rbac',
      title: 'role-based access over virtual documents: 50 roles, 50 groups',
      file: 'rbac.rego',
      text: RBAC,
      entrypoint: 'data.rbac.allow',
      input: { user: 'user7', action: 'read', resource: '/teams/6/plan' },
      data: rbacData(),
      hostFunctions: [],
    },
  ];
}
