import { describe, expect, it } from 'vitest';
import { machineUnit } from '../../../../agent/services/machine-unit.ts';
import { RootUsers } from '../../../../agent/services/root-users.ts';

const users = new RootUsers(
  'root:x:0:0:root:/root:/bin/bash\nredis:x:104:107::/var/lib/redis:/usr/sbin/nologin\nbroken\n',
  'root:x:0:\nredis:x:107:\nssl-cert:x:105:www-data,redis\ntape:x:26:\n',
);

const place = {
  root: '/srv/gantry/generations/7',
  machineData: '/srv/gantry/machine-data',
  run: '/run/gantry-agent/run',
  users,
  // The root has one file, and a link to it.
  findFile: (path: string) =>
    ['/etc/default/x', '/etc/default/link'].includes(path) ? '/etc/default/x' : null,
  names: new Map([
    ['redis-server.service', 'gantry-my-redis:redis-server.service'],
    ['redis.service', 'gantry-my-redis:redis-server.service'],
    ['gantry-web:api.service', 'gantry-web:api.service'],
  ]),
};

function unitOf(...texts: string[]) {
  const made = machineUnit({ unit: 'gantry-web:api.service', texts }, place);
  const lines = made.text.split('\n');
  return { ...made, lines };
}

/** What every unit gets. */
const rootPart = [
  'RootDirectory=/srv/gantry/generations/7',
  'MountAPIVFS=yes',
  'BindPaths=/srv/gantry/machine-data:/machine-data',
  'BindPaths=/run/gantry-agent/run:/run',
  'BindReadOnlyPaths=-/srv/gantry/generations/7/run/gantry:/run/gantry',
];

describe('the unit of a machine', () => {
  it('runs in the generation, with numbers for users', () => {
    const { text, directories } = unitOf(
      '[Unit]\nDescription=Redis\nAfter=network.target redis.service\n\n[Service]\nType=notify\nUser=redis\nRuntimeDirectory=redis\nRuntimeDirectoryMode=2755\nStateDirectory=redis\nExecStart=/usr/bin/redis-server \\\n# a comment\n  /etc/redis/redis.conf\n\n[Install]\nWantedBy=multi-user.target\nAlias=redis.service\n',
      '[Service]\nGroup=tape\nSupplementaryGroups=tape\n',
    );

    expect(text).toBe(
      [
        '[Unit]',
        'Description=Redis',
        'After=network.target gantry-my-redis:redis-server.service',
        '',
        '[Service]',
        'PrivateTmp=yes',
        'Environment="USER=redis"',
        'Environment="LOGNAME=redis"',
        'Environment="HOME=/var/lib/redis"',
        'Environment="SHELL=/usr/sbin/nologin"',
        'Environment="RUNTIME_DIRECTORY=/run/redis"',
        'Environment="STATE_DIRECTORY=/var/lib/redis"',
        'Type=notify',
        'ExecStart=/usr/bin/redis-server  /etc/redis/redis.conf',
        ...rootPart,
        'User=104',
        'Group=26',
        'SupplementaryGroups=105 26',
        'ReadWritePaths=-+/run/redis',
        'ReadWritePaths=-+/var/lib/redis',
        '',
      ].join('\n'),
    );
    expect(directories).toEqual([
      { path: '/run/redis', mode: 0o2755, uid: 104, gid: 26 },
      { path: '/var/lib/redis', mode: 0o755, uid: 104, gid: 26 },
    ]);
  });

  it.each([
    [
      '[Service]',
      'EnvironmentFile=-/etc/default/x',
      `EnvironmentFile=-${place.root}/etc/default/x`,
    ],
    [
      '[Service]',
      'EnvironmentFile=/etc/default/link',
      `EnvironmentFile=${place.root}/etc/default/x`,
    ],
    ['[Service]', 'EnvironmentFile=', 'EnvironmentFile='],
    ['[Service]', 'ExecStartPre=+/bin/install x', 'ExecStartPre=!/bin/install x'],
    ['[Service]', 'ExecStartPre=-+@/bin/a b', 'ExecStartPre=-@!/bin/a b'],
    ['[Service]', 'ExecStartPre=-/bin/a', 'ExecStartPre=-/bin/a'],
    ['[Service]', 'ExecStop=/bin/a ; +/bin/b ; -+/bin/c', 'ExecStop=/bin/a ; !/bin/b ; -!/bin/c'],
    ['[Service]', 'ExecStop=/bin/sh -c "a ; +b" \\; +c', 'ExecStop=/bin/sh -c "a ; +b" \\; +c'],
    ['[Service]', 'ExecStart="/opt/my app/x" +y', 'ExecStart="/opt/my app/x" +y'],
    ['[Service]', 'ExecStart=', 'ExecStart='],
    ['[Service]', 'PIDFile=/run/nginx.pid', `PIDFile=${place.run}/nginx.pid`],
    ['[Service]', 'PIDFile=/var/run/a/b.pid', `PIDFile=${place.run}/a/b.pid`],
    ['[Service]', 'PIDFile=%t/c.pid', `PIDFile=${place.run}/c.pid`],
    ['[Service]', 'StandardOutput=append:/var/log/x', 'StandardOutput=journal'],
    ['[Service]', 'StandardError=file:/etc/passwd', 'StandardError=journal'],
    ['[Unit]', 'ConditionPathExists=!/etc/x', `ConditionPathExists=!${place.root}/etc/x`],
    ['[Unit]', 'AssertFileIsExecutable=|/bin/x', `AssertFileIsExecutable=|${place.root}/bin/x`],
    ['[Unit]', 'Requires=redis-server.service', 'Requires=gantry-my-redis:redis-server.service'],
    ['[Unit]', 'ConditionVirtualization=no', 'ConditionVirtualization=no'],
  ])('changes %s %s to %s', (section, line, expected) => {
    expect(unitOf(`${section}\n${line}\n`).lines).toContain(expected);
  });

  it.each([
    '[Unit]\nFailureAction=reboot-force',
    '[Unit]\nStartLimitAction=poweroff',
    '[Unit]\nConflicts=ssh.service shutdown.target',
    '[Unit]\nRequires=dbus.service',
    '[Unit]\nWants=reboot.target',
    '[Unit]\nOnFailure=ssh.service',
    '[Unit]\nRequiresMountsFor=/home',
    '[Service]\nStartLimitAction=reboot',
    '[Service]\nRootDirectory=/',
    '[Service]\nRootImage=/dev/sda',
    '[Service]\nPAMName=login',
    '[Service]\nBindPaths=/:/mnt',
    '[Service]\nPIDFile=/etc/shadow',
    '[Service]\nPIDFile=/run/../etc/shadow',
    '[Service]\nBindReadOnlyPaths=/root',
    '[Service]\nEnvironmentFile=-/var/lib/redis/planted',
    '[Service]\nEnvironmentFile=-/etc/default/*',
    '[Service]\nEnvironmentFile=-/etc/default/%p',
    '[Service]\nEnvironmentFile=-x',
    '[Service]\nLoadCredential=key:/etc/shadow',
    '[Service]\nOpenFile=/etc/shadow:key:read-only',
    '[Service]\nExtensionDirectories=/etc',
    '[Service]\nNetworkNamespacePath=/run/netns/x',
    '[Service]\nStandardInput=file:/etc/shadow',
    '[Install]\nWantedBy=multi-user.target',
    '[Socket]\nListenStream=80',
    'Description=no section',
  ])('leaves out what acts on the machine: %j', (text) => {
    expect(unitOf(text).text).toBe(['[Service]', 'PrivateTmp=yes', ...rootPart, ''].join('\n'));
  });

  it('takes the last user, and root where an empty assignment takes it back', () => {
    expect(unitOf('[Service]\nUser=ghost\n', '[Service]\nUser=redis\n').lines).toContain(
      'User=104',
    );
    expect(unitOf('[Service]\nUser=ghost\n', '[Service]\nUser=\n').text).not.toMatch(/^User/m);
    expect(unitOf('[Service]\nUser=104\n').lines).toContain('Group=107');
    expect(unitOf('[Service]\nDynamicUser=yes\nUser=ghost\n').text).not.toMatch(/^User/m);
  });

  it.each(['User=ghost', 'Group=ghost', 'User=redis\nSupplementaryGroups=ghost'])(
    'is refused where the root lacks what it runs as: %j',
    (lines) => {
      expect(() => unitOf(`[Service]\n${lines}\n`)).toThrow(
        expect.objectContaining({
          code: 'service_failed',
          message: expect.stringMatching(/gantry-web:api\.service runs as the (user|group) ghost/),
        }),
      );
    },
  );

  it('is refused where it needs an environment file of the machine’s data', () => {
    expect(() => unitOf('[Service]\nEnvironmentFile=/var/lib/redis/planted\n')).toThrow(
      expect.objectContaining({
        code: 'service_failed',
        message: expect.stringContaining(
          'from /var/lib/redis/planted: expected the path of a file',
        ),
      }),
    );
  });

  it.each(['"+/bin/sh" -c x', '""+/bin/sh', "-'!'/bin/sh", '\\x2b/bin/sh', '/bin/a ; "+/bin/sh"'])(
    'is refused where a command hides its prefix: %j',
    (command) => {
      expect(() => unitOf(`[Service]\nExecStart=${command}\n`)).toThrow(
        expect.objectContaining({ code: 'service_failed' }),
      );
    },
  );

  it.each(['\r', '\0'])('reads lines as systemd does, which ends one at %j', (end) => {
    const { lines } = unitOf(`[Service]\nNice=1${end}ExecStart=+/bin/sh\n`);
    expect(lines).toEqual(expect.arrayContaining(['Nice=1', 'ExecStart=!/bin/sh']));
  });

  it.each(['Nice=1 \\\\', 'Nice=1 \\', 'Nice=1 \\ \\'])(
    'keeps its root after a value that ends open: %j',
    (line) => {
      const { lines } = unitOf(`[Service]\n${line}`);
      const before = lines[lines.indexOf(`RootDirectory=${place.root}`) - 1] ?? '';
      expect(before).toMatch(/^Nice=1/);
      expect(before.trimEnd()).toMatch(/(?<!\\)(?:\\\\)*$/);
    },
  );

  it('writes no line that a home in /etc/passwd adds', () => {
    const evil = new RootUsers('a:x:1:1::/home\rExecStartPre=+/bin/sh:/bin/sh\n', '');
    const { text } = machineUnit(
      { unit: 'a.service', texts: ['[Service]\nUser=a\n'] },
      { ...place, users: evil },
    );
    expect(text).not.toMatch(/\r|^ExecStartPre/m);
  });

  it('makes no directory outside its place', () => {
    const { directories } = unitOf(
      '[Service]\nRuntimeDirectory=../../etc %i a/../../b ok:alias deep/er\nStateDirectory=x\nStateDirectory=\n',
    );
    expect(directories.map(({ path }) => path)).toEqual(['/run/ok', '/run/deep/er']);
  });

  it('has the /run of a machine that booted from a composition, with a /run/host of its own', () => {
    const booted = { ...place, run: '/run' };
    const { text } = machineUnit({ unit: 'redis-server.service', texts: ['[Service]\n'] }, booted);
    expect(text).toContain('BindPaths=/run:/run\nTemporaryFileSystem=/run/host\n');
    expect(unitOf('[Service]\n').text).not.toContain('TemporaryFileSystem');
  });
});
