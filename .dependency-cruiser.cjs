/**
 * The floors of the house (docs/architecture.md): imports go down only, and within a floor only where `beside` says so.
 */
const floors = [
  ['bytes'],
  ['protocol', 'evidence', 'rego', 'supply-chain', 'measure', 'ocicrypt'],
  ['storage', 'kms', 'collateral', 'oci', 'ttrpc'],
  ['kbs', 'attestation-service', 'rvps', 'guest', 'ra-tls', 'soft-tee'],
  ['cli', 'server', 'console', 'operator'],
];

/** Imports within a floor that are allowed. */
const beside = {
  kbs: ['attestation-service', 'rvps'],
  'attestation-service': ['rvps'],
  cli: ['server'],
};

/** For tests and development only; may be imported by tests of every floor. */
const testing = ['testkit'];

const floorRules = floors.flatMap((names, floor) =>
  names.map((name) => {
    const above = floors.slice(floor + 1).flat();
    const siblings = names.filter((other) => other !== name && !(beside[name] ?? []).includes(other));
    const forbidden = [...above, ...siblings];
    return {
      name: `floor-${name}`,
      comment: `${name} may import only from the floors below it`,
      severity: 'error',
      from: { path: `^packages/${name}/` },
      to: { path: `^packages/(${forbidden.join('|')})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...floorRules.filter((rule) => !rule.to.path.includes('/()/')),
    {
      name: 'rego-stands-alone',
      comment: 'the Rego engine is a library of its own',
      severity: 'error',
      from: { path: '^packages/rego/', pathNot: ['\\.test\\.ts$', '^packages/rego/scripts/'] },
      to: { path: '^packages/(?!rego/)' },
    },
    {
      name: 'testkit-in-tests-only',
      severity: 'error',
      from: {
        path: '^packages/',
        pathNot: [
          '\\.test(\\.helper)?\\.ts$',
          '/testing/',
          '/contract-tests/',
          '^packages/testkit/',
          'test-util',
          '^packages/[^/]+/scripts/',
        ],
      },
      to: { path: `^packages/(${testing.join('|')})/` },
    },
    {
      name: 'pure-packages-do-no-io',
      comment: 'floors 0 and 1 take time, randomness, network and files as arguments',
      severity: 'error',
      from: {
        path: '^packages/(bytes|protocol|evidence|rego|supply-chain|measure|ocicrypt)/src/',
        pathNot: ['\\.test(\\.helper)?\\.ts$', 'test-util', '/conformance/', '/testing/'],
      },
      to: {
        path: '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster)$',
      },
    },
    {
      name: 'no-cycles',
      comment:
        'the code generator descends through terms, references and statements as the language nests: one recursion in several files',
      severity: 'error',
      from: { pathNot: '^packages/rego/src/eval/codegen/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: {
        path: '^packages/[^/]+/src/',
        pathNot: ['\\.test(\\.helper)?\\.ts$', '\\.test\\.util\\.ts$', 'test-util', '/testing/', '/contract-tests/'],
      },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: '^packages/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@assay/source', 'import', 'node', 'default', 'types'],
    },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
