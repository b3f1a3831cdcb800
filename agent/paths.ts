import { join } from 'node:path';

/**
 * Where an agent keeps what, all below one directory:
 *
 *     agent/                 key.pem, credential (0600), root.json, config.json, session.json, desired-state.json, policy.json
 *     store/<xx>/<rest>      file contents by fs-verity digest
 *     store/layers/          per verified layer: its manifest and entries
 *     store/documents/       OCI manifests and indexes by SHA-256
 *     store/evidence/        signature candidates by the digest they are for
 *     images/<hex>.erofs     composition images by composition digest
 *     generations/<n>/       root file systems; <n>.state.json is the desired state that each was made of
 *     current                symlink to the running generation
 *     state.json             what the agent did last
 */
export interface AgentPaths {
  dir: string;
  agent: string;
  key: string;
  credential: string;
  root: string;
  config: string;
  session: string;
  desiredState: string;
  policy: string;
  lock: string;
  store: string;
  images: string;
  generations: string;
  current: string;
  state: string;
}

export function agentPaths(dir: string): AgentPaths {
  const agent = join(dir, 'agent');
  return {
    dir,
    agent,
    key: join(agent, 'key.pem'),
    credential: join(agent, 'credential'),
    root: join(agent, 'root.json'),
    config: join(agent, 'config.json'),
    session: join(agent, 'session.json'),
    desiredState: join(agent, 'desired-state.json'),
    policy: join(agent, 'policy.json'),
    lock: join(agent, 'lock'),
    store: join(dir, 'store'),
    images: join(dir, 'images'),
    generations: join(dir, 'generations'),
    current: join(dir, 'current'),
    state: join(dir, 'state.json'),
  };
}
