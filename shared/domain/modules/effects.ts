import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type {
  ManifestGroup,
  ManifestJob,
  ManifestSecurity,
  ManifestSudo,
  ManifestUser,
  ModuleManifest,
} from './manifest.ts';
import type { ManifestHealth, ManifestPort, ManifestService } from './manifest-service.ts';

/** One thing that a module does to a machine besides its files: `user redis`, `uid 101`. */
export interface Effect {
  name: string;
  value: string;
}

/** An effect that differs between two versions; null where one of them lacks it. */
export interface EffectChange {
  name: string;
  was: string | null;
  now: string | null;
}

type Part = string | false | undefined;

/**
 * The parts of a manifest that people judge a module by: what it runs, as whom, with which rights,
 * and what it changes on machines. Files, packages and dependencies are shown elsewhere.
 */
export function listEffects(manifest: ModuleManifest): Effect[] {
  const { init = {}, services = [], jobs = [], security = {}, build = {} } = manifest;
  const { users = [], groups = [], sudoers = [], verify, skills = [] } = manifest;

  const effects: Effect[] = [
    ...securityEffects(security),
    ...services.map((one) => effect(`service ${one.name}`, serviceParts(one))),
    ...Object.entries(init).map(([verb, command]) => effect(`init ${verb}`, [command])),
    ...jobs.map((one) => effect(`job ${one.name}`, jobParts(one))),
    ...users.map((one) => effect(`user ${one.name}`, userParts(one))),
    ...groups.map((one) => effect(`group ${one.name}`, groupParts(one))),
    ...sudoers.map((one) => effect(`sudo ${one.id}`, sudoParts(one))),
    ...(verify?.probes ?? []).map((one) =>
      effect(`check ${one.name}`, [`${one.command} is ${one.resolves_to}`]),
    ),
    effect('reboot', [manifest.reboot_required === true && 'a new version needs one']),
    effect('children ship', [manifest.dependency_spec?.join(', ')]),
    effect('skills', [skills.length > 0 && `${skills.length}`]),
    effect('build pins', [describePins(build)]),
  ];

  return cutEffects(effects.filter(({ value }) => value !== ''));
}

/** The effects of two versions that differ, those of the new one first. */
export function compareEffects(was: readonly Effect[], now: readonly Effect[]): EffectChange[] {
  const valuesOf = (all: readonly Effect[]) => new Map(all.map((one) => [one.name, one.value]));
  const [old, fresh] = [valuesOf(was), valuesOf(now)];

  return [...new Set([...fresh.keys(), ...old.keys()])]
    .map((name) => ({ name, was: old.get(name) ?? null, now: fresh.get(name) ?? null }))
    .filter((one) => one.was !== one.now);
}

function effect(name: string, parts: readonly Part[]): Effect {
  const text = parts.filter((one): one is string => typeof one === 'string' && one !== '');
  return { name, value: oneLine(text.join(', ')) };
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s*\p{Cc}+\s*/gu, ' ').trim();
  const max = limits.effectLengthMax;
  return line.length <= max ? line : `${line.slice(0, max)}…`;
}

function cutEffects(effects: Effect[]): Effect[] {
  const more = effects.length - limits.effectsMax;
  if (more <= 0) return effects;
  const rest = { name: 'more', value: `${more} effects are not shown` };
  return [...effects.slice(0, limits.effectsMax), rest];
}

function securityEffects(security: ManifestSecurity): Effect[] {
  const { capabilities = [], egress_allow, privileged, user_namespace } = security;
  return [
    effect('privileged', [privileged === true && 'yes']),
    effect('capabilities', capabilities),
    effect('SELinux profile', [security.selinux_profile ?? undefined]),
    effect('AppArmor profile', [security.apparmor_profile ?? undefined]),
    effect('seccomp profile', [security.seccomp_profile ?? undefined]),
    effect('user namespace', [user_namespace === true && 'its own']),
    effect('may connect to', egress_allow ?? []),
  ];
}

function serviceParts(service: ManifestService): Part[] {
  const { start_command, stop_command, unit_body, working_directory, env = {} } = service;
  const {
    exposed_ports = [],
    capabilities = [],
    health,
    restart_policy,
    dependencies = [],
  } = service;
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);

  return [
    start_command,
    unit_body !== undefined && describeUnit(unit_body),
    stop_command && `stopped by ${stop_command}`,
    describeUser(service),
    working_directory && `in ${working_directory}`,
    ...exposed_ports.map(describePort),
    ...capabilities,
    health && describeHealth(health),
    restart_policy && `restart ${restart_policy}`,
    ...dependencies.map(({ service: other, kind = 'requires_health' }) => `${kind} ${other}`),
    variables.length > 0 && `with ${variables.join(' ')}`,
  ];
}

/** A unit of Gantry's own runs as root where nothing else is said. */
function describeUser({ start_command, user }: ManifestService): Part {
  const name = user ?? (start_command === undefined ? '' : 'root');
  return name !== '' && `as ${name}`;
}

/** The digest shows reviewers that a unit changed; the difference of the manifests shows how. */
function describeUnit(body: string): string {
  const lines = body.trimEnd().split('\n').length;
  return `a unit of ${lines} lines, sha256 ${sha256Hex(body).slice(0, 12)}`;
}

function describePort({ port, protocol, name }: ManifestPort): string {
  return `port ${port}/${protocol}${name === undefined ? '' : ` (${name})`}`;
}

function describeHealth({ endpoint = '', method = 'GET', interval_seconds }: ManifestHealth) {
  const every = interval_seconds === undefined ? '' : ` every ${interval_seconds} s`;
  return `health ${method} ${endpoint}${every}`;
}

function jobParts({ path, arguments: takesArguments }: ManifestJob): Part[] {
  return [path, takesArguments === true && 'takes arguments'];
}

function userParts(user: ManifestUser): Part[] {
  const { uid, primary_gid, primary_group, home, shell, gecos, supplementary_groups } = user;
  return [
    uid === undefined ? 'id by its name' : `uid ${uid}`,
    primary_gid !== undefined && `gid ${primary_gid}`,
    primary_group && `group ${primary_group}`,
    supplementary_groups && `also in ${supplementary_groups.join(' and ')}`,
    home && `home ${home}`,
    shell && `shell ${shell}`,
    gecos,
  ];
}

function groupParts({ gid, members }: ManifestGroup): Part[] {
  return [
    gid === undefined ? 'id by its name' : `gid ${gid}`,
    members && `members ${members.join(' and ')}`,
  ];
}

function sudoParts({ user, commands, flags = [], ...as }: ManifestSudo): Part[] {
  const runas = as.runas_user ?? as.runas;
  const group = as.runas_group === undefined ? '' : `:${as.runas_group}`;
  return [
    `${user}${runas === undefined ? '' : ` as ${runas}${group}`}: ${commands.join(', ')}`,
    flags.join(' '),
  ];
}

function describePins(build: NonNullable<ModuleManifest['build']>): string {
  return Object.entries(build)
    .flatMap(([key, value]) => (value == null ? [] : [`${key} ${value}`]))
    .join(', ');
}
