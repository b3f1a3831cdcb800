import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../../shared/base/ids.ts';
import { generatedFormat } from '../../../shared/contract/reconcile/index.ts';
import { parseManifest } from '../../../shared/manifest/index.ts';
import { listPrivileges } from '../../../shared/units/index.ts';
import { generate } from './factory.ts';

const page = readFileSync('docs/reference/machines/units.md', 'utf8');

const unit = '/usr/lib/systemd/system/memcached.service';

/** The text of the page's fenced block of a name. */
function block(name: string): string {
  const [, text] = new RegExp(`^\`\`\`\\w+ ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`expected a block "${name}" in the page, found none`);
  return text;
}

function generateExample() {
  return generate([
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
}

it('the page says what the worked example gives', () => {
  const { services, text, input } = generateExample();

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

/**
 * Agents make the layer again, so those of one format must make one layer. Where the layer changes
 * after a release, raise `generatedFormat`. Then write its digest here.
 */
it('a format has one layer', () => {
  const { entries, removed, services, probes } = generateExample();
  const facts = entries.map(({ content, verity, ...entry }) => [entry, verity ?? content]);
  const digest = sha256Hex(JSON.stringify([facts, removed, services, probes]));
  expect([generatedFormat, digest]).toEqual([
    1,
    '74bdee77822be4ea8450581dc27cde23f9f088f1f606a232db34c3211132ab17',
  ]);
});
