import fc from 'fast-check';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/);
const text = fc.string({ maxLength: 20, unit: 'grapheme' });
const line = fc.stringMatching(/^[!-~äß]( ?[!-~äß]){0,9}$/);
const slug = fc.oneof(
  word,
  fc.tuple(word, fc.constantFrom('.', '_', '-', '--'), word).map((parts) => parts.join('')),
  fc.constant('x'.repeat(64)),
);
const glob = fc.stringMatching(
  /^\/?(?:[a-zäö ]{1,5}|\*|\*\*|\?|\[a-c\]|\\\\)(?:\/[a-z"'#: ]{1,5}){0,3}\/?$/u,
);
const globs = fc.array(glob, { maxLength: 3 });
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const capability = fc.stringMatching(/^CAP_[A-Z_]{1,12}$/);
const serviceName = fc.oneof(
  fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/),
  fc.constant('s'.repeat(63)),
);
const accountName = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,8}$/),
  fc.stringMatching(/^[0-9]{0,3}[A-Z_]{1,6}\$?$/),
);
const id = fc.oneof(fc.nat({ max: 70_000 }), fc.constantFrom(0, 2 ** 32 - 2));
const release = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,3}$/);
const tag = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom('.', ':', '-', '_'), word), { maxLength: 2 }))
  .map(([first, more]) => first + more.flat().join(''));
const range = fc.constantFrom(
  '^1.0',
  '*',
  '>=1 <2',
  '~> 1.2',
  '~>1.2.3',
  '=1.2.3',
  '!= 2.0',
  '>= 16',
  '1.x || 3.2',
);
const tagRange = fc.constantFrom(
  '1.26',
  '= 3.4.7.1',
  '!=2.0',
  '>= 16',
  '<= 3',
  '>1',
  '<2.5',
  '~> 1.0',
);
const withAt = (name: fc.Arbitrary<string>, version: fc.Arbitrary<string>) =>
  fc.tuple(name, fc.option(version)).map(([a, b]) => (b === null ? a : `${a}@${b}`));

const requirement = fc.oneof(
  withAt(slug, range),
  fc.tuple(slug, slug).map(([account, module]) => `${account.toUpperCase()}/${module}`),
  withAt(
    fc.tuple(slug, slug).map((parts) => parts.join('/')),
    range,
  ),
  withAt(tag, tagRange).map((one) => `capability:${one}`),
);
const scalar = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));

/**
 * Well-formed manifests, as section 2 of product.md and Powernode's authors describe them, not as
 * this project's schema does. With `whole`, every key is there.
 */
export function manifestForms(whole: boolean): fc.Arbitrary<Record<string, unknown>> {
  const record = (
    fields: Record<string, fc.Arbitrary<unknown>>,
    required: string[] = [],
  ): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(fields, whole ? {} : { requiredKeys: required });
  const list = (item: fc.Arbitrary<unknown>) =>
    fc.array(item, { minLength: whole ? 1 : 0, maxLength: 2 });
  const named = (item: fc.Arbitrary<Record<string, unknown>>, key = 'name') =>
    fc.uniqueArray(item, { minLength: whole ? 1 : 0, maxLength: 3, selector: (one) => one[key] });

  const port = record(
    {
      port: fc.integer({ min: 1, max: 65_535 }),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
      name: text,
    },
    ['port', 'protocol'],
  );
  const health = record({
    endpoint: text,
    method: fc.constantFrom('GET', 'POST', 'PUT', 'TCP'),
    interval_seconds: fc.integer({ min: 1, max: 9999 }),
    timeout_seconds: fc.integer({ min: 1, max: 9999 }),
    initial_delay_seconds: fc.integer({ min: 0, max: 9999 }),
  });
  const service = record(
    {
      name: serviceName,
      start_command: text,
      stop_command: text,
      restart_policy: fc.constantFrom('never', 'on-failure', 'always'),
      user: text,
      working_directory: text,
      env: fc.dictionary(fc.stringMatching(/^[A-Za-z0-9_. -]{1,8}$/), scalar, { maxKeys: 3 }),
      exposed_ports: list(port),
      capabilities: list(capability),
      health,
      metadata: fc.dictionary(word, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 }),
      unit_body: text,
    },
    ['name'],
  ).map(withOneCommand);
  const services = named(service).chain(withOrder);

  const profile = fc.option(text);
  return record(
    {
      schema_version: fc.constant(1),
      name: slug,
      display_name: fc.oneof(line, fc.constantFrom('', 'x'.repeat(200))),
      description: fc.oneof(text, fc.constant('long '.repeat(3200))),
      license: line,
      category: slug,
      package_spec: list(
        fc.constantFrom('nginx', 'g++', 'libc6:amd64=2.39-0ubuntu8', 'a1=1:2~rc1'),
      ),
      file_spec: whole ? fc.array(glob, { minLength: 1, maxLength: 3 }) : globs,
      mask: list(glob),
      protected_spec: list(glob),
      dependency_spec: list(glob),
      carve_waivers: list(glob),
      dependencies: record({
        requires: list(requirement),
        provides: list(withAt(tag, fc.constantFrom('1.26', '16', '3.4.7.1', '1.0-rc1'))),
      }),
      parent_module: fc.oneof(
        slug,
        fc.tuple(slug, slug).map((parts) => parts.join('/')),
      ),
      init: record({ start: text, stop: text, restart: text }),
      services,
      jobs: named(record({ name: serviceName, path, arguments: fc.boolean() }, ['name', 'path'])),
      reboot_required: fc.boolean(),
      security: record({
        capabilities: list(capability),
        selinux_profile: profile,
        apparmor_profile: profile,
        seccomp_profile: profile,
        egress_allow: list(text),
        privileged: fc.boolean(),
        user_namespace: fc.boolean(),
      }),
      users: named(
        record(
          {
            name: accountName,
            uid: id,
            primary_gid: id,
            primary_group: accountName,
            shell: path,
            home: path,
            gecos: fc.stringMatching(/^[a-zA-Zä ,.-]{0,20}$/),
            supplementary_groups: list(accountName),
          },
          ['name'],
        ),
      ),
      groups: named(record({ name: accountName, gid: id, members: list(accountName) }, ['name'])),
      sudoers: named(
        record(
          {
            id: word,
            user: line,
            commands: list(line),
            runas: line,
            runas_user: line,
            runas_group: line,
            flags: list(line),
          },
          ['id', 'user', 'commands'],
        ),
        'id',
      ),
      verify: fc.record({
        probes: fc.array(
          fc.record({
            name: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/),
            command: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,20}$/),
            resolves_to: fc.stringMatching(/^\/[A-Za-z0-9._+/-]{1,40}$/),
          }),
          { minLength: 1, maxLength: 3 },
        ),
      }),
      skills: list(fc.jsonValue({ maxDepth: 2 })),
      build: record({
        ubuntu_digest: fc.constantFrom(null, `sha256:${'0a'.repeat(32)}`),
        apt_snapshot: fc.constantFrom(null, 'none', '20260102T030405Z'),
        firmware_repo: text,
        firmware_ref: text,
        k3s_version: text,
        ...Object.fromEntries(releases.map((key) => [key, release])),
        grok_version: text,
        vault_version: text,
      }),
    },
    ['schema_version', 'name'],
  );
}

const releases = [
  'gitleaks_version',
  'gh_version',
  'go_version',
  'claude_code_version',
  'ruby_version',
  'node_version',
  'act_runner_version',
];

function withOneCommand(service: Record<string, unknown>): Record<string, unknown> {
  const { unit_body: _, ...rest } = service;
  return 'start_command' in service ? rest : service;
}

/** Services that depend on earlier ones only, so that they make no circle. */
function withOrder(services: Record<string, unknown>[]): fc.Arbitrary<Record<string, unknown>[]> {
  const kind = fc.constantFrom('start_before', 'requires_health', 'softdep');
  const ordered = services.map((service, index) => {
    if (index === 0) return fc.constant(service);

    const earlier = fc.constantFrom(...services.slice(0, index).map(({ name }) => name));
    const dependency = fc.record({ service: earlier, kind }, { requiredKeys: ['service'] });
    return fc
      .array(dependency, { maxLength: 2 })
      .map((dependencies) => ({ ...service, dependencies }));
  });

  return fc.tuple(...ordered);
}
