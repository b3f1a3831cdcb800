import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseManifest } from '../../../shared/manifest/index.ts';
import { listPrivileges } from '../../../shared/units/index.ts';
import { generate } from './factory.ts';

const page = readFileSync('docs/reference/machines/units.md', 'utf8');

/** The text of the page's fenced block of a name. */
function block(name: string): string {
  const [, text] = new RegExp(`^\`\`\`\\w+ ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`expected a block "${name}" in the page, found none`);
  return text;
}

it('the page says what the worked example gives', () => {
  const unit = '/usr/lib/systemd/system/memcached.service';
  const { services, text, input } = generate([
    {
      module: 'cache',
      manifest: parseManifest(`schema_version: 1\n${block('cache')}`).manifest,
      files: {
        [unit]: '[Service]\nExecStart=/usr/bin/env\n',
        '/etc/systemd/system/multi-user.target.wants/memcached.service': `-> ${unit}`,
        '/var/lib/dpkg/status.d/memcached': 'Package: memcached\nArchitecture: amd64\n',
      },
    },
    { module: 'jobs', manifest: parseManifest(`schema_version: 1\n${block('jobs')}`).manifest },
  ]);

  expect(services.map(({ unit: name }) => `${name}\n`).join('')).toBe(block('order'));
  expect(services.at(-1)?.aliases).toEqual(['worker.service']);
  expect(text('/usr/lib/systemd/system/gantry-jobs:worker.service')).toBe(block('worker'));
  expect(text(`${unit}.d/zz-gantry.conf`)).toBe(block('memcached'));
  expect(text('/etc/sudoers.d/gantry-jobs-restart')).toBe(block('sudo'));

  const line = text('/etc/passwd').trimEnd().split('\n').at(-1);
  expect(page).toContain(`The last line of \`/etc/passwd\` is \`${line}\``);
  const sentences = listPrivileges(input.layers.slice(-1)).map(({ sentence }) => `${sentence}\n`);
  expect(sentences.join('')).toBe(block('privileges'));
});
