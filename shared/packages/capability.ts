import { GantryError } from '../base/error.ts';

/** capability(7), in the order of their numbers (linux/capability.h). */
const names = (
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable ' +
  'net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio ' +
  'sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time ' +
  'sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog ' +
  'wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore'
).split(' ');

/** VFS_CAP_REVISION_2 of linux/capability.h, and its effective flag. */
const revision2 = 0x02000000;
const effectiveFlag = 1;

export const capabilityXattr = 'security.capability';

/**
 * Encodes file capabilities, in the form of setcap(8) such as `cap_net_raw,cap_net_admin=ep`, as
 * the value of `security.capability` (revision 2).
 * @returns base64
 * @throws GantryError `usage` for an unknown capability or form
 */
export function encodeCapabilities(text: string): string {
  const [, list, flags] = /^([a-z_,]+)[=+]([eip]+)$/.exec(text) ?? [];
  if (list === undefined || flags === undefined) {
    const message = `expected capabilities such as cap_net_raw=ep, found ${JSON.stringify(text)}`;
    throw new GantryError('usage', message, { found: text });
  }

  let bits = 0n;
  for (const name of list.split(',')) {
    const number = names.indexOf(name.replace(/^cap_/, ''));
    if (number === -1 || !name.startsWith('cap_')) {
      const message = `expected a capability of Linux such as cap_net_raw, found ${JSON.stringify(name)}`;
      throw new GantryError('usage', message, { found: name });
    }
    bits |= 1n << BigInt(number);
  }

  const value = Buffer.alloc(20);
  const permitted = flags.includes('p') ? bits : 0n;
  const inheritable = flags.includes('i') ? bits : 0n;
  value.writeUInt32LE(revision2 + (flags.includes('e') ? effectiveFlag : 0), 0);
  value.writeUInt32LE(Number(permitted & 0xffffffffn), 4);
  value.writeUInt32LE(Number(inheritable & 0xffffffffn), 8);
  value.writeUInt32LE(Number(permitted >> 32n), 12);
  value.writeUInt32LE(Number(inheritable >> 32n), 16);
  return value.toString('base64');
}
