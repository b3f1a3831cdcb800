import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import { distinct, form, line, whole } from './field.ts';

// What fits in passwd, group and sudoers. Programs take a number for an id. The names of Samba's
// machines end in "$".
const accountName = form(
  /^(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/,
  'expected at most 32 letters, digits, "_", "." and "-", the first no "." or "-", not a number',
);
const id = whole(0, limits.userIdMax);
const passwdField = form(/^[^:\p{Cc}]*$/u, 'expected one line of text without ":"');

/** Users that the module's processes need. */
export const users = distinct(
  z.strictObject({
    name: accountName,
    uid: id.exactOptional(),
    primary_gid: id.exactOptional(),
    primary_group: accountName.exactOptional(),
    shell: passwdField.exactOptional(),
    home: passwdField.exactOptional(),
    gecos: passwdField.exactOptional(),
    supplementary_groups: z.array(accountName).exactOptional(),
  }),
  'name',
);

export const groups = distinct(
  z.strictObject({
    name: accountName,
    gid: id.exactOptional(),
    members: z.array(accountName).exactOptional(),
  }),
  'name',
);

const word = line(1000);

/** Commands that a user may run as somebody else. */
export const sudoers = distinct(
  z.strictObject({
    id: form(/^[^/\p{Cc}]+$/u, 'expected one line of text without "/"'),
    user: word,
    commands: z.array(line(4000)),
    runas: word.exactOptional(),
    runas_user: word.exactOptional(),
    runas_group: word.exactOptional(),
    flags: z.array(word).exactOptional(),
  }),
  'id',
);
