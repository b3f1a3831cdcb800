/**
 * Which folder may know which (docs/architecture.md, "Dependency direction").
 * test/tidy/dependencies.test.ts reads it.
 *
 * Path = layer x area. A layer is a folder of shared/; an area is a folder below domain, contract,
 * store or actions, and is entered through its index.ts alone.
 */
const ground = '^shared/base/';
const project = '^(agent|bench|cli|functions|infra|scripts|shared|test)/';

/** Pure folders: they know the domain, the contract, and only the index of each other. */
const cores = [
  'manifest',
  'extension',
  'files',
  'artifact',
  'composefs',
  'composition',
  'units',
  'attestation',
  'signature',
  'registry',
  'director',
  'dpop',
  'tuf',
  'packages',
];
const coreIndexes = `^shared/(${cores.join('|')})/index\\.ts$`;

/** Layers that are divided into areas. */
const layers = ['domain', 'contract', 'store', 'actions'];

/** What a layer has beside its areas. Any other file there would be a way around the walls. */
const rootFiles = [
  '^shared/contract/(environment|messages|objects|queues|stage|stages)\\.ts$',
  '^shared/store/(event|event-maker|objects|unique)\\.ts$',
];

/**
 * What a folder uses besides the project: packages, and modules of Node. Of the pure folders, only
 * those that speak to a registry, keep a cache of roots, or read a directory have effects.
 */
const uses = {
  base: {
    packages: ['@aws-lambda-powertools/logger', 'lru-cache', 'p-retry', 'ulid', 'zod'],
    node: ['async_hooks', 'crypto'],
  },
  domain: { packages: ['semver', 'temporal-polyfill', 'zod'], node: ['net', 'util'] },
  contract: { packages: ['zod'], node: [] },
  manifest: { packages: ['semver', 'yaml', 'zod'], node: [] },
  extension: {
    packages: ['semver', 'yauzl', 'zod'],
    node: ['crypto', 'stream', 'zlib'],
  },
  files: { packages: [], node: [] },
  artifact: { packages: ['zod'], node: ['events', 'stream', 'util', 'zlib'] },
  composefs: { packages: [], node: ['child_process', 'crypto', 'fs'] },
  composition: { packages: ['semver'], node: ['crypto', 'util', 'zlib'] },
  units: { packages: [], node: ['net', 'path'] },
  attestation: { packages: ['zod'], node: [] },
  signature: {
    packages: [
      '@noble/curves',
      '@sigstore/(bundle|core|protobuf-specs|tuf|verify)',
      're2js',
      'tweetnacl',
      'zod',
    ],
    node: ['crypto'],
  },
  registry: {
    packages: ['lru-cache', 'undici', 'zod'],
    node: ['crypto', 'dns', 'net', 'stream', 'timers', 'tls'],
  },
  packages: {
    packages: ['@cyclonedx/cyclonedx-library', 'packageurl-js', 'yaml', 'zod'],
    node: [],
  },
  director: { packages: ['@tufjs/(canonical-json|models)'], node: ['crypto', 'util'] },
  dpop: { packages: ['jose', 'zod'], node: ['crypto'] },
  tuf: { packages: ['@tufjs/models', 'tuf-js', 'zod'], node: ['crypto', 'fs', 'os', 'path'] },
};

/**
 * The flow: a stage may know the stages after it, never one before it (poll to reconcile never
 * points back).
 */
const flow = ['poll', 'verify', 'ingest', 'operations', 'compose', 'reconcile'];

/**
 * The agent's flow: a step may use what the steps before it made, and never points ahead. The tick
 * alone knows them all.
 */
const agentFlow = ['fetch', 'verify', 'mount', 'apply', 'services', 'boot', 'inspect'];

/** A pattern of one of the names; of no name, one that matches nothing. */
function oneOf(names) {
  return names.length === 0 ? '(?!)' : names.join('|');
}

/** A folder may import from these paths of the project and no others. */
function only(name, from, to, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from },
    to: { path: project, pathNot: [...to, ground] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('base-is-the-ground', ground, [], 'base ← nothing'),
    only('domain-knows-itself', '^shared/domain/', ['^shared/domain/'], 'domain ← base'),
    ...Object.entries(uses).map(([folder, { packages, node }]) => ({
      name: `${folder}-uses-only-these`,
      comment: 'a package or a module of Node that the folder is not known to use',
      severity: 'error',
      from: { path: `^shared/${folder}/` },
      to: {
        pathNot: [
          project,
          `node_modules/(@types/)?(${oneOf(packages)})/`,
          `^(node:)?(${oneOf(node)})(/|$)`,
        ],
      },
    })),
    ...cores.map((core) =>
      only(
        `${core}-is-pure`,
        `^shared/${core}/`,
        [`^shared/${core}/`, '^shared/(domain|contract)/', coreIndexes],
        'cores know the domain, the contract, and only the index of each other',
      ),
    ),
    {
      name: 'what-runs-elsewhere-knows-no-aws',
      comment: 'the command line and the agent reach the platform by HTTP',
      severity: 'error',
      from: { path: '^(agent|cli)/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|electrodb|@aws-lambda-powertools|aws-[^/]+)/' },
    },
    only(
      'contract-knows-the-domain',
      '^shared/contract/',
      ['^shared/(contract|domain)/'],
      'contract ← domain',
    ),
    only('aws-knows-the-contract', '^shared/aws/', ['^shared/(aws|contract)/'], 'aws ← contract'),
    only(
      'store-direction',
      '^shared/store/',
      ['^shared/(store|domain|contract|aws)/'],
      'store ← domain, contract, aws',
    ),
    only('shared-is-the-bottom', '^shared/', ['^shared/'], 'shared ← shared'),
    {
      name: 'layers-have-areas-only',
      comment: 'a file beside the areas is a way around their walls: put it into an area',
      severity: 'error',
      from: {},
      to: { path: `^(shared/(${layers.join('|')})|functions)/[^/]+$`, pathNot: rootFiles },
    },
    ...layers.map((layer) => ({
      name: `${layer}-areas-have-walls`,
      comment: 'an area is entered through its index.ts alone',
      severity: 'error',
      from: { path: `^shared/${layer}/([^/]+)/` },
      to: {
        path: `^shared/${layer}/[^/]+/`,
        pathNot: [`^shared/${layer}/$1/`, `^shared/${layer}/[^/]+/index\\.ts$`],
      },
    })),
    ...layers.map((layer) => ({
      name: `${layer}-is-entered-by-area`,
      comment: 'an area is entered through its index.ts alone',
      severity: 'error',
      from: { path: project, pathNot: `^shared/${layer}/[^/]+/` },
      to: { path: `^shared/${layer}/[^/]+/`, pathNot: `^shared/${layer}/[^/]+/index\\.ts$` },
    })),
    ...flow.slice(1).map((stage, place) => ({
      name: `${stage}-never-points-back`,
      comment: `the flow is ${flow.join(' → ')}, by way of other areas too`,
      severity: 'error',
      from: { path: `^shared/actions/${stage}/` },
      to: { path: `^shared/actions/(${flow.slice(0, place + 1).join('|')})/`, reachable: true },
    })),
    {
      name: 'stages-act-through-actions',
      comment: 'only the API reads rows directly, for its lists',
      severity: 'error',
      from: { path: '^functions/', pathNot: '^functions/api/' },
      to: { path: '^shared/store/' },
    },
    {
      name: 'stages-do-not-know-each-other',
      severity: 'error',
      from: { path: '^functions/([^/]+)/' },
      to: { path: '^functions/([^/]+)/', pathNot: '^functions/$1/' },
    },
    only('functions-direction', '^functions/', ['^functions/', '^shared/'], 'functions ← shared'),
    only(
      'infra-direction',
      '^infra/',
      ['^infra/', '^shared/contract/'],
      'infra ← contract names and limits',
    ),
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
    ...agentFlow.slice(0, -1).map((step, place) => ({
      name: `agent-${step}-never-points-ahead`,
      comment: `the flow is ${agentFlow.join(' → ')}`,
      severity: 'error',
      from: { path: `^agent/${step}/` },
      to: { path: `^agent/(${agentFlow.slice(place + 1).join('|')})/` },
    })),
    {
      name: 'agent-steps-know-ground-files-only',
      comment: 'the tick calls the steps; they know the agent and its ground files',
      severity: 'error',
      from: { path: '^agent/[^/]+/' },
      to: {
        path: '^agent/[^/]+\\.ts$',
        pathNot:
          '^agent/(agent|disk-space|failure|files|keys|lock|mounts|paths|state|version)\\.ts$',
      },
    },
    {
      name: 'agent-ground-files-know-no-step',
      severity: 'error',
      from: {
        path: '^agent/(disk-space|failure|files|keys|lock|mounts|paths|state|version|wipe)\\.ts$',
      },
      to: { path: '^agent/', pathNot: '^agent/(failure|files|mounts|paths|state)\\.ts$' },
    },
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
