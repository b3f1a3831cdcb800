import { describe, expect, it } from 'vitest';
import type { ManifestSudo } from '../../../shared/domain/modules/index.ts';
import { generate } from './factory.ts';

const entry: ManifestSudo = {
  id: 'reload',
  user: 'deploy',
  commands: ['/usr/sbin/nginx -s reload'],
};

const rule = (more: Partial<ManifestSudo>) => {
  const { entries, text } = generate([{ manifest: { sudoers: [{ ...entry, ...more }] } }]);
  const path = entries.find(({ type }) => type === 'file')?.path ?? '';
  return [path, text(path).split('\n')[1]];
};

describe('rules of sudo', () => {
  it.each<[Partial<ManifestSudo>, string]>([
    [{}, 'deploy ALL=(root) /usr/sbin/nginx -s reload'],
    [
      { flags: ['NOPASSWD', 'setenv:'], runas_user: 'www-data', runas_group: 'adm' },
      'deploy ALL=(www-data:adm) NOPASSWD: SETENV: /usr/sbin/nginx -s reload',
    ],
    [{ runas: 'ALL:ALL', user: '%wheel', commands: ['ALL'] }, '%wheel ALL=(ALL:ALL) ALL'],
    [{ runas_group: 'adm' }, 'deploy ALL=(:adm) /usr/sbin/nginx -s reload'],
    [
      { commands: ['/bin/a b=c,d:e #x', '/bin/b x\\,y', 'sudoedit /etc/hosts'] },
      'deploy ALL=(root) /bin/a b\\=c\\,d\\:e \\#x, /bin/b x\\,y, sudoedit /etc/hosts',
    ],
  ])('are written as sudoers: %j', (more, expected) => {
    expect(rule(more)).toEqual(['/etc/sudoers.d/gantry-web-reload', expected]);
  });

  it('are files that sudo reads, whatever the id', () => {
    expect(rule({ id: 'a.b~ ü' })[0]).toBe('/etc/sudoers.d/gantry-web-a_2eb_7e_20_c3_bc');
    const { entries } = generate([{ manifest: { sudoers: [entry] } }]);
    expect(entries.at(-1)).toMatchObject({ mode: 0o440, uid: 0, gid: 0 });
  });

  it('of another account have its name', () => {
    const { entries } = generate([{ account: 'other', manifest: { sudoers: [entry] } }]);
    expect(entries.at(-1)?.path).toBe('/etc/sudoers.d/gantry-other_3aweb-reload');
  });

  it.each<[string, Partial<ManifestSudo>]>([
    ['no command', { commands: [] }],
    ['a relative command', { commands: ['nginx'] }],
    ['a command that is excluded', { commands: ['!/bin/su'] }],
    ['a command that leaves its directory', { commands: ['/usr/bin/../sbin/x'] }],
    ['a line that goes on', { commands: ['/bin/a \\'] }],
    ['a list of users', { user: 'a, b' }],
    ['a rule in the user', { user: 'a ALL=(ALL) ALL' }],
    ['an unknown tag', { flags: ['ROOT'] }],
    ['an unknown runas', { runas: 'a b' }],
    ['an id that no file name holds', { id: 'ü'.repeat(40) }],
  ])('refuse %s', (_, more) => {
    expect(() => rule(more)).toThrow(expect.objectContaining({ code: 'sudo_invalid' }));
  });
});
