import { join } from 'node:path';

/** Name of the folder with the machine's data, in the agent's directory and in each root. */
export const machineDataName = 'machine-data';

/**
 * What an agent keeps, all below one directory:
 *
 *     agent/                 key.pem, sealing-key.pem, credential, calls.json, session.json (0600),
 *                            root.json, config.json, clock.json, desired-state.json, files.json,
 *                            look.json, reported.json, policy.json
 *     agent/roots/<n>.json   account roots before the trusted one, while something here was
 *                            verified by them
 *     store/<xx>/<rest>      file contents by fs-verity digest
 *     store/layers/          the manifest and the entries of each verified layer
 *     store/documents/       OCI manifests and indexes by SHA-256
 *     store/signatures/      the authors' signatures by the digest that they are for
 *     images/<hex>.erofs     composition images by composition digest
 *     generations/<n>/       root file systems; each was made from the desired state <n>.state.json
 *     services/<n>.json      what the agent runs of a generation
 *     machine-data/<path>    the machine's own files: `/var` and other paths named at enrolment
 *     boot/trial             the generation that is booted on trial, and the one before it
 *     current                symlink to the running generation
 *     state.json             what the agent has seen and applied
 */
export interface AgentPaths {
  dir: string;
  agent: string;
  key: string;
  sealingKey: string;
  credential: string;
  root: string;
  earlierRoots: string;
  calls: string;
  clock: string;
  reported: string;
  config: string;
  session: string;
  desiredState: string;
  policy: string;
  /** Which files were found right (verify/file-memory.ts). */
  fileMemory: string;
  /** What the last full look found (inspect/last-look.ts). */
  lastLook: string;
  lock: string;
  store: string;
  images: string;
  generations: string;
  services: string;
  machineData: string;
  trial: string;
  current: string;
  state: string;
}

export function agentPaths(dir: string): AgentPaths {
  const agent = join(dir, 'agent');
  return {
    dir,
    agent,
    key: join(agent, 'key.pem'),
    sealingKey: join(agent, 'sealing-key.pem'),
    credential: join(agent, 'credential'),
    root: join(agent, 'root.json'),
    earlierRoots: join(agent, 'roots'),
    calls: join(agent, 'calls.json'),
    clock: join(agent, 'clock.json'),
    reported: join(agent, 'reported.json'),
    config: join(agent, 'config.json'),
    session: join(agent, 'session.json'),
    desiredState: join(agent, 'desired-state.json'),
    policy: join(agent, 'policy.json'),
    fileMemory: join(agent, 'files.json'),
    lastLook: join(agent, 'look.json'),
    lock: join(agent, 'lock'),
    store: join(dir, 'store'),
    images: join(dir, 'images'),
    generations: join(dir, 'generations'),
    services: join(dir, 'services'),
    machineData: join(dir, machineDataName),
    trial: join(dir, 'boot/trial'),
    current: join(dir, 'current'),
    state: join(dir, 'state.json'),
  };
}
