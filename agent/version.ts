import project from '../package.json' with { type: 'json' };

/** Sent with heartbeats and reports. */
export const agentVersion = project.version;
