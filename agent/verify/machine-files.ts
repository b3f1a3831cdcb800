import type { AgentConfig } from '../state.ts';

/**
 * What of `/etc` tells one machine from another. Modules never ship it: two machines with one
 * composition would be one machine to others.
 */
const identityFiles = [
  '/etc/machine-id',
  ...['rsa', 'ecdsa', 'ed25519'].flatMap((kind) => [
    `/etc/ssh/ssh_host_${kind}_key`,
    `/etc/ssh/ssh_host_${kind}_key.pub`,
  ]),
];

/** What of `/etc` is the machine's although a module may ship the first version of it. */
const settingFiles = [
  '/etc/adjtime',
  '/etc/fstab',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
];

/**
 * The files of `/etc` that a machine keeps when it boots from its composition. In the other ways
 * the machine has an `/etc` of its own.
 */
export function machineFilesOf({ way }: Pick<AgentConfig, 'way'>): string[] {
  return way === 'root' ? [...identityFiles, ...settingFiles] : [];
}

export function isIdentityFile(path: string): boolean {
  return identityFiles.includes(path);
}
