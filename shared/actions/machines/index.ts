export { artifactUrls, enrollAgent, heartbeat, reportInstance } from './agent.ts';
export {
  type AgentCaller,
  authenticateAgent,
  type ProvenKey,
  provenKey,
} from './authenticate-agent.ts';
export { createInstance, renewJoinToken } from './create-instance.ts';
export { decommissionInstance } from './decommission-instance.ts';
export { scheduleFirstComposes } from './first-compose.ts';
export { readFleet, readMachines } from './fleet.ts';
export { takeInstanceName } from './instance-name.ts';
export { readDrift } from './read-drift.ts';
export { assertActive, requireActiveInstance, requireInstance } from './require-instance.ts';
export { byDigest } from './versions-by-digest.ts';
