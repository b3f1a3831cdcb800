/**
 * Which folder may know which (docs/architecture.md, "Dependency direction"). Read by test/tidy/dependencies.test.ts.
 * Everything in shared/ may use the error, log, limits and at-once modules.
 */
const basics = '^shared/(at-once|error|limits|log)\\.ts$|^shared/contract/error-codes\\.ts$';

/** Pure folders: they know the domain, the contract, and only the index of each other. */
const cores = [
  'manifest',
  'files',
  'artifact',
  'composefs',
  'composition',
  'signature',
  'registry',
  'catalog',
  'extension',
  'director',
  'dpop',
  'net',
  'tuf',
];

/** A folder may import from these paths of the project and no others. */
function only(name, from, to, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from },
    to: { path: '^(agent|bench|cli|functions|infra|scripts|sdk|shared|test)/', pathNot: [...to, basics] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only(
      'domain-knows-itself',
      '^shared/domain/',
      ['^shared/domain/', '^shared/contract/'],
      'domain ← zod only, and the names of the contract',
    ),
    {
      name: 'domain-uses-zod-only',
      severity: 'error',
      from: { path: '^shared/domain/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'],
        pathNot: ['node_modules/(zod|semver|@types/semver)/'],
      },
    },
    ...cores.map((core) =>
      only(
        `${core}-is-pure`,
        `^shared/${core}/`,
        [`^shared/${core}/`, '^shared/domain/', '^shared/contract/', `^shared/(${cores.join('|')})/index\\.ts$`],
        'cores know the domain, the contract, and only the index of each other',
      ),
    ),
    {
      name: 'cores-know-no-aws',
      severity: 'error',
      from: { path: `^shared/(domain|contract|${cores.join('|')})/` },
      to: { path: ['node_modules/(@aws-sdk|@smithy|electrodb|@aws-lambda-powertools)/', '^node_modules/aws-'] },
    },
    only(
      'contract-knows-the-domain',
      '^shared/contract/',
      ['^shared/contract/', '^shared/domain/'],
      'contract ← domain',
    ),
    only('aws-knows-the-contract', '^shared/aws/', ['^shared/aws/', '^shared/contract/'], 'aws ← contract'),
    only(
      'store-direction',
      '^shared/store/',
      ['^shared/(store|domain|contract|aws)/'],
      'store ← domain, contract, aws',
    ),
    only('actions-direction', '^shared/actions/', ['^shared/'], 'actions ← everything shared'),
    only('shared-is-the-bottom', '^shared/', ['^shared/'], 'shared ← shared'),
    {
      name: 'stages-do-not-know-each-other',
      severity: 'error',
      from: { path: '^functions/([^/]+)/' },
      to: { path: '^functions/([^/]+)/', pathNot: '^functions/$1/' },
    },
    only('functions-direction', '^functions/', ['^functions/', '^shared/'], 'functions ← shared'),
    only('infra-direction', '^infra/', ['^infra/', '^shared/contract/'], 'infra ← contract names and limits'),
    only(
      'cli-direction',
      '^cli/',
      ['^cli/', '^agent/', '^scripts/interop', `^shared/(domain|contract|${cores.join('|')})/`],
      'the CLI speaks HTTP and uses the pure folders',
    ),
    only(
      'agent-direction',
      '^agent/',
      ['^agent/', `^shared/(domain|contract|${cores.join('|')})/`],
      'the agent uses the pure folders',
    ),
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      from: { path: '^(agent|bench|cli|functions|infra|scripts|shared)/' },
      to: { path: '^test/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no API for it to use; swc parses, type imports included.
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'types', 'default'],
    },
    exclude: { path: '^(cdk\\.out|dist|\\.local)/' },
  },
};
