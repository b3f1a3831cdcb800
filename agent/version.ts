import project from '../package.json' with { type: 'json' };

/** Told in heartbeats and reports. */
export const agentVersion = project.version;
