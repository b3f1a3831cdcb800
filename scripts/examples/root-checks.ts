import { hostname } from 'node:os';
import { listSome } from '../../shared/base/list-some.ts';
import type { IdTable } from '../../shared/packages/index.ts';
import type { RootShell } from './in-root.ts';
import type { Check } from './run-checks.ts';

/** What the modules say of the root. */
export interface RootFacts {
  /** Such as `libc6:amd64=2.36-9`. */
  packages: ReadonlySet<string>;
  /** Paths that the modules ship from `rootfs/`. */
  own: ReadonlySet<string>;
  ids: IdTable;
  /** Units that the manifests give whole: name → body. */
  units: ReadonlyMap<string, string>;
}

/** What must hold in the composed root. The first check comes before anything writes to it. */
export function rootChecks(facts: RootFacts, shell: RootShell): Check[] {
  const check = (what: string, verify: Check['verify']): Check => ({ what, verify });
  return [
    check('nothing of the build host is in the root', () =>
      shell.runFile('build-host', distinctHostname()),
    ),
    check('users and groups have the ids of ids.yaml', () => checkIds(facts, shell)),
    check('dpkg sees each package installed', () => checkInstalled(facts, shell)),
    check('dpkg sees changes in files of rootfs/ alone', () => checkDifferences(facts, shell)),
    check('systemd accepts the units', () => checkUnits(facts, shell)),
    check('sshd has the hardened configuration', () => shell.runFile('sshd')),
    check('chronyd accepts its configuration', () => shell.run('chronyd -p')),
    check('nginx accepts its configuration', () => shell.run('nginx -t')),
    check('nginx serves /healthz with the hardened headers', () => shell.runFile('nginx')),
    check('redis-server says PONG, in plain and with the TLS files of its oneshot', () =>
      shell.runFile('redis', commandOf(facts, 'redis-certificates')),
    ),
  ];
}

/** A short name is a part of other words. */
function distinctHostname(): string {
  return hostname() !== 'localhost' && hostname().length >= 8 ? hostname() : '';
}

async function checkIds({ ids }: RootFacts, shell: RootShell): Promise<void> {
  const lines = (await shell.runFile('users')).trim().split('\n');
  const known = new Map<string, number>([
    ...Object.entries(ids.users).map(([name, { uid }]) => [`user ${name}`, uid] as const),
    ...Object.entries(ids.groups).map(([name, { gid }]) => [`group ${name}`, gid] as const),
  ]);

  const found = new Map<string, number>();
  for (const line of lines) {
    const [, name, id] = /^(.*) (\d+)$/.exec(line) ?? [];
    if (name !== undefined) found.set(name, Number(id));
  }

  const wrong = [...known].filter(([name, id]) => found.has(name) && found.get(name) !== id);
  if (wrong.length > 0) throw different('the ids of the table', wrong.map(String));
  const wanted = lines.flatMap((line) => /^wanted (.*)$/.exec(line)?.[1] ?? []);
  const missing = wanted.filter((name) => !found.has(name));
  if (wanted.length === 0 || missing.length > 0) throw different('all users', missing);
}

async function checkInstalled({ packages }: RootFacts, shell: RootShell): Promise<void> {
  const found = new Set((await shell.runFile('packages')).trim().split('\n'));
  const missing = [...packages].filter((one) => !found.has(`ii ${one}`));
  if (missing.length > 0) throw different('these packages installed', missing);
  if (found.size !== packages.size)
    throw different(`${packages.size} packages`, [String(found.size)]);
}

async function checkDifferences({ own }: RootFacts, shell: RootShell): Promise<void> {
  const found = await shell.run('dpkg -V || true');
  const paths = found
    .split('\n')
    .flatMap((line) => /^(?:missing|\S{9})\s+(?:\w\s+)?(\/.*?)(?: \(.*\))?$/.exec(line)?.[1] ?? []);
  const unexpected = paths.filter((path) => !own.has(path));
  if (unexpected.length > 0) throw different('packages as they were built', unexpected);
}

/** Checks the units that packages have, with those that the manifests give. */
async function checkUnits({ units }: RootFacts, shell: RootShell): Promise<void> {
  for (const [name, body] of units)
    await shell.run('printf %s "$2" > "/etc/systemd/system/$1.service"', name, body);

  const names = ['nginx', 'redis-server', 'chrony', 'ssh', 'auditd', ...units.keys()];
  const services = names.map((name) => `${name}.service`);
  const verify = 'systemd-analyze verify --man=no multi-user.target "$@" 2>&1';
  const said = (await shell.run(verify, ...services)).trim();
  if (said !== '') throw different('units without a warning', said.split('\n'));
}

function commandOf({ units }: RootFacts, unit: string): string {
  const [, command] = /^ExecStart=(.+)$/m.exec(units.get(unit) ?? '') ?? [];
  if (command === undefined) throw different(`a unit ${unit}`, [...units.keys()]);
  return command;
}

function different(expected: string, found: readonly string[]): Error {
  return new Error(`expected ${expected}, found otherwise: ${listSome(found)}`);
}
