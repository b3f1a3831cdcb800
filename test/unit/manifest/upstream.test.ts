import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../../shared/manifest/index.ts';

type Form = Record<string, unknown>;

const read = (form: Form) =>
  parseManifest(JSON.stringify({ schema_version: 1, name: 'a', ...form }));
const service = (more: Form) => ({ services: [{ name: 'a', ...more }] });
const user = (more: Form) => ({ users: [{ name: 'app', ...more }] });
const sudoers = (more: Form) => ({ sudoers: [{ id: 'a', user: 'app', commands: [], ...more }] });

describe('what Powernode’s schema allows and few authors write', () => {
  test.each<[string, Form, Form]>([
    [
      'a display name in several lines is shown in one',
      { display_name: 'nginx 1.26\n  with TLS\n' },
      { display_name: 'nginx 1.26 with TLS' },
    ],
    [
      'so is a licence, of any length that a description may have',
      { license: `MIT\n\nAND ${'x'.repeat(15_000)}` },
      { license: `MIT AND ${'x'.repeat(15_000)}` },
    ],
    [
      'a command of sudoers may end as YAML’s block texts do',
      sudoers({ commands: ['/usr/bin/true --all\n'], runas_user: 'root\n' }),
      sudoers({ commands: ['/usr/bin/true --all'], runas_user: 'root' }),
    ],
    ['a user may begin with a digit', user({ name: '1password' }), user({ name: '1password' })],
    ['a user may be a machine of Samba', user({ name: 'WEB1$' }), user({ name: 'WEB1$' })],
    [
      'a group and its members too',
      { groups: [{ name: '9p', members: ['0day', 'x$'] }] },
      { groups: [{ name: '9p', members: ['0day', 'x$'] }] },
    ],
    [
      'a requirement keeps the capital letters that it is written with',
      { dependencies: { requires: ['Acme/Nginx@^1.0', 'Redis'] } },
      { dependencies: { requires: ['Acme/Nginx@^1.0', 'Redis'], provides: [] } },
    ],
    ['a service without a command', service({}), service({})],
    ['an empty health check', service({ health: {} }), service({ health: {} })],
    [
      'profiles of null',
      { security: { apparmor_profile: null } },
      { security: { apparmor_profile: null } },
    ],
    ['pins of null', { build: { ubuntu_digest: null } }, { build: { ubuntu_digest: null } }],
  ])('%s', (_, form, expected) => {
    const { manifest, warnings } = read(form);
    expect(manifest).toMatchObject(expected);
    expect(warnings).toEqual([]);
  });

  test('a variable that systemd leaves out is a warning at its place', () => {
    const { manifest, warnings } = read(service({ env: { 'my.var': 1, '1ST': 2, OK: 3 } }));
    expect(manifest.services?.[0]?.env).toEqual({ 'my.var': 1, '1ST': 2, OK: 3 });
    expect(warnings.map(({ path, message }) => [path, message.slice(0, 24)])).toEqual([
      ['services[0].env.my.var', 'systemd leaves it out: t'],
      ['services[0].env.1ST', 'systemd leaves it out: t'],
    ]);
  });
});

describe('what Powernode’s schema allows and no machine could have', () => {
  test.each<[string, Form, string]>([
    ['a user that programs take for an id', user({ name: '1000' }), 'users[0].name'],
    ['a user that passwd cannot hold', user({ name: 'a:b' }), 'users[0].name'],
    ['a user whose entry has another field', user({ gecos: 'a:0:0' }), 'users[0].gecos'],
    [
      'a rule of sudoers with another rule',
      sudoers({ commands: ['a\nALL'] }),
      'sudoers[0].commands[0]',
    ],
    [
      'a variable with its value in its name',
      service({ env: { 'A=B': 1 } }),
      'services[0].env.A=B',
    ],
    [
      'a range that cannot choose',
      { dependencies: { requires: ['a@new'] } },
      'dependencies.requires[0]',
    ],
    ['a glob out of the tree', { mask: ['../x'] }, 'mask[0]'],
    ['an option in place of a package', { package_spec: ['--x'] }, 'package_spec[0]'],
  ])('%s', (_, form, path) => {
    expect(() => read(form)).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ severity: 'error', path })],
      }),
    );
  });
});
