import { execFile } from 'node:child_process';
import { readFile, stat, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { limits } from '../shared/base/limits/index.ts';
import { notEnrolledError } from './agent.ts';
import { Clock } from './fetch/clock.ts';
import { discardBody, request } from './fetch/http.ts';
import { findMountObstacle } from './mount/probe.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import { type AgentConfig, agentConfig, readJson } from './state.ts';
import { readMachineFacts, requireWay } from './way.ts';

const run = promisify(execFile);

/** One thing that an agent needs of its machine. */
export interface Check {
  name: string;
  /** `note`: the agent works without it, with less. */
  verdict: 'right' | 'note' | 'wrong';
  /** What was found. */
  found: string;
  /** What to do; undefined when nothing. */
  cure?: string;
}

interface Subject {
  paths: AgentPaths;
  config: AgentConfig;
  now: () => Date;
}

type Look = (subject: Subject) => Promise<Omit<Check, 'name'>>;

/**
 * Looks at everything that an agent needs of its machine. It changes nothing that stays.
 *
 * @throws `prerequisite_missing` when the directory is not enrolled
 */
export async function examine(dir: string, now: () => Date = () => new Date()): Promise<Check[]> {
  const paths = agentPaths(dir);
  const config = await readJson(paths.config, agentConfig, 'Remove it, and enrol again.');
  if (config === undefined) throw notEnrolledError(dir);

  const checks: Check[] = [];
  for (const [name, look] of Object.entries(looks)) {
    const subject = { paths, config, now };
    checks.push({ name, ...(await look(subject).catch(describeFailure)) });
  }
  return checks;
}

function describeFailure(error: unknown): Omit<Check, 'name'> {
  const found = error instanceof Error ? error.message : String(error);
  return { verdict: 'wrong', found, cure: 'Repair what the message names.' };
}

const looks: Record<string, Look> = {
  way: checkWay,
  permissions: checkPermissions,
  'disk space': checkSpace,
  mounts: checkMounts,
  systemd: checkSystemd,
  users: checkUsers,
  proxies: checkProxies,
  'control plane': checkReachable,
  clock: checkClock,
};

async function checkWay({ config: { way } }: Subject): Promise<Omit<Check, 'name'>> {
  requireWay(way, await readMachineFacts());
  return { verdict: 'right', found: way };
}

/** Only the agent's user may read the key and what is rendered for the machine. */
async function checkPermissions({ paths }: Subject): Promise<Omit<Check, 'name'>> {
  for (const path of [paths.agent, paths.key, paths.sealingKey, paths.credential]) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || (found.mode & 0o077) === 0) continue;

    const mode = (found.mode & 0o7777).toString(8);
    const cure = `Run chmod go= ${path}. If others had access, enrol again.`;
    return { verdict: 'wrong', found: `${path} has the mode ${mode}`, cure };
  }
  return { verdict: 'right', found: 'only the user of the agent reads its keys' };
}

async function checkSpace({ paths: { dir } }: Subject): Promise<Omit<Check, 'name'>> {
  const { bsize, bavail, files, ffree } = await statfs(dir);
  const bytes = bsize * bavail;
  const free = `${Math.floor(bytes / 1024 ** 2)} MiB free for ${dir}`;
  // Some file systems count no inodes.
  const isFull = files > 0 && ffree < limits.agentFreeInodesMin;

  return bytes < limits.agentFreeBytesMin || isFull
    ? { verdict: 'wrong', found: isFull ? `${ffree} inodes free` : free, cure: 'Make room there.' }
    : { verdict: 'right', found: free };
}

async function checkMounts({ paths, config }: Subject): Promise<Omit<Check, 'name'>> {
  const obstacle = await findMountObstacle(paths);
  if (obstacle === undefined) return { verdict: 'right', found: 'compositions can be mounted' };

  const found = `compositions cannot be mounted (${obstacle}), so roots are copies`;
  const cure = 'To mount them, run Linux 6.5 or later with EROFS and overlayfs, as root.';
  return { verdict: config.layout === 'mount' ? 'wrong' : 'note', found, cure };
}

/** Soft-reboot came with version 254. */
const softRebootVersion = 254;

async function checkSystemd({ config: { way } }: Subject): Promise<Omit<Check, 'name'>> {
  if (way === 'directory') return { verdict: 'right', found: 'not needed in the way directory' };

  const { stdout } = await run('systemctl', ['--version']);
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1]);
  const found = `systemd ${version}`;

  return way === 'root' && version < softRebootVersion
    ? { verdict: 'note', found, cure: 'New roots wait for a reboot. Upgrade it to 254 or later.' }
    : { verdict: 'right', found };
}

/** systemd starts no unit as a number that the machine does not know. */
async function checkUsers({ config: { way } }: Subject): Promise<Omit<Check, 'name'>> {
  if (way === 'directory') return { verdict: 'right', found: 'not needed in the way directory' };

  const text = await readFile('/etc/nsswitch.conf', 'utf8').catch(() => '');
  return /^passwd:.*\bsystemd\b/m.test(text)
    ? { verdict: 'right', found: '/etc/nsswitch.conf names systemd for users' }
    : {
        verdict: 'wrong',
        found: '/etc/nsswitch.conf does not name systemd for users',
        cure: 'Run apt-get install libnss-systemd: services run as users that only their root has.',
      };
}

const proxyVariables = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy'];

async function checkProxies(): Promise<Omit<Check, 'name'>> {
  const set = proxyVariables.filter((name) => (process.env[name] ?? '') !== '');
  // A proxy's address may hold its password.
  const found = set.length === 0 ? 'none is set' : `set by ${set.join(', ')}`;
  return { verdict: 'right', found: `${found} for this command` };
}

async function checkReachable({ config: { url } }: Subject): Promise<Omit<Check, 'name'>> {
  const response = await request(`${url}/healthz`);
  await discardBody(response);
  return response.status < 400
    ? { verdict: 'right', found: `${url} responds` }
    : {
        verdict: 'wrong',
        found: `${url} responds with status ${response.status}`,
        cure: 'Compare the address with that of the control plane, and look for a proxy between.',
      };
}

async function checkClock({ config: { url }, now }: Subject): Promise<Omit<Check, 'name'>> {
  const clock = await Clock.open(now);
  const response = await request(`${url}/healthz`);
  await clock.learn(response.headers.get('date'));
  await discardBody(response);

  return clock.skew === undefined
    ? { verdict: 'right', found: "within a minute of the control plane's" }
    : { verdict: 'wrong', found: clock.skew, cure: 'Set it, and keep it right by NTP.' };
}
