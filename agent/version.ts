/** Told in heartbeats and reports. */
export const agentVersion = '0.1.0';
