import { createPrivateKey, type KeyObject } from 'node:crypto';
import { GantryError } from '../shared/base/error.ts';
import { type AccountRoots, readAccountRoots } from './fetch/account-roots.ts';
import { ArtifactSource } from './fetch/artifact-source.ts';
import { CallChain } from './fetch/call-chain.ts';
import { Clock } from './fetch/clock.ts';
import { ControlPlane } from './fetch/control-plane.ts';
import { readIfPresent } from './files.ts';
import { type AgentPaths, agentPaths } from './paths.ts';
import {
  type AgentConfig,
  type AgentState,
  agentConfig,
  agentState,
  initialState,
  readJson,
} from './state.ts';
import { ContentCheck } from './verify/content-check.ts';
import { FileMemory } from './verify/file-memory.ts';
import { type LocalPolicy, readLocalPolicy } from './verify/local-policy.ts';
import { Store } from './verify/store.ts';

export interface AgentOptions {
  dir: string;
  /**
   * A policy file besides the signed policies. The default is `<dir>/agent/policy.json`, if it
   * exists.
   */
  policyFile?: string;
  now?: () => Date;
}

/**
 * The machine's identity, and the parts that it needs to call the control plane. They suffice to
 * report any other failure.
 */
export interface Enrolment {
  paths: AgentPaths;
  config: AgentConfig;
  controlPlane: ControlPlane;
  clock: Clock;
  /** Replaced when the next account root is verified. */
  roots: AccountRoots;
  now: () => Date;
}

/** The values that every tick needs. */
export interface Agent extends Enrolment {
  /** The content of state.json. */
  state: AgentState;
  store: Store;
  source: ArtifactSource;
  check: ContentCheck;
  /** Read again before each tick, so that tightening it needs no restart. */
  localPolicy: LocalPolicy | undefined;
}

/**
 * Opens an enrolled directory. The caller holds its lock.
 *
 * @throws `prerequisite_missing` when the directory is not enrolled.
 */
export async function openEnrolment({
  dir,
  now = () => new Date(),
}: AgentOptions): Promise<Enrolment> {
  const paths = agentPaths(dir);
  const config = await readJson(paths.config, agentConfig, 'Remove it, and enrol again.');

  const [key, credential, roots] = await Promise.all([
    readIfPresent(paths.key),
    readIfPresent(paths.credential),
    readAccountRoots(paths),
  ]);

  if (
    config === undefined ||
    key === undefined ||
    credential === undefined ||
    roots === undefined
  ) {
    throw notEnrolledError(dir);
  }

  const clock = await Clock.open(now, paths.clock);
  const controlPlane = new ControlPlane({
    url: config.url,
    privateKey: readKey(key, paths.key),
    enrolled: {
      credential: credential.toString().trim(),
      calls: await CallChain.open(paths.calls),
    },
    clock,
  });

  return { paths, config, controlPlane, clock, roots, now };
}

/** @throws `io_error` when the file is damaged. */
function readKey(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `${path} is damaged: expected a private key in PEM, found something else. Remove it, and enrol again.`,
      { cause },
    );
  }
}

/**
 * Adds what a tick needs on the disk.
 *
 * @throws `io_error` if state.json is damaged, because without it an attacker could replay an old
 * desired state.
 */
export async function openAgent(enrolment: Enrolment): Promise<Agent> {
  const { paths, controlPlane } = enrolment;
  return {
    ...enrolment,
    state: (await readJson(paths.state, agentState, stateCure)) ?? initialState,
    store: new Store(paths.store),
    source: new ArtifactSource(controlPlane),
    check: new ContentCheck(new FileMemory(paths.fileMemory)),
    localPolicy: undefined,
  };
}

/** What `findRunning` and `rememberSeen` make good. */
const stateCure = 'Remove it: the agent finds what runs, and counts that version as seen.';

/** The machine's own policy; undefined when it has none. */
export async function findLocalPolicy(
  paths: AgentPaths,
  file: string | undefined,
): Promise<LocalPolicy | undefined> {
  if (file !== undefined) return readLocalPolicy(file);

  const exists = (await readIfPresent(paths.policy)) !== undefined;
  return exists ? readLocalPolicy(paths.policy) : undefined;
}

export function notEnrolledError(dir: string): GantryError {
  return new GantryError(
    'prerequisite_missing',
    `${dir} is not enrolled; run gantry agent enroll --token TOKEN --root DIR first.`,
  );
}
