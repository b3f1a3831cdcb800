import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { selectFiles } from '../../../shared/files/index.ts';
import { buildMask, parseManifest } from '../../../shared/manifest/index.ts';

const examples = new URL('../../../examples/', import.meta.url).pathname;
const modules = readdirSync(join(examples, 'modules')).map((name) => `modules/${name}`);

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(directory.length));
}

function shipped(module: string): string[] {
  const { manifest } = parseManifest(readFileSync(join(examples, module, 'manifest.yaml'), 'utf8'));
  const spec = { file_spec: manifest.file_spec, mask: buildMask(manifest) };
  return selectFiles(filesBelow(join(examples, module, 'rootfs')), spec);
}

describe('the examples', () => {
  test.each(['module-template', ...modules])('%s has a manifest without a warning, and finds its schema', (module) => {
    const text = readFileSync(join(examples, module, 'manifest.yaml'), 'utf8');
    expect(parseManifest(text).warnings).toEqual([]);
    const [, schema] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text) ?? [];
    expect(readFileSync(join(examples, module, schema ?? ''), 'utf8')).toContain('Gantry module manifest');
  });

  test('the template ships its configuration', () => {
    expect(shipped('module-template')).toEqual(['/etc/my-module/my-module.conf']);
  });

  test('my-redis ships its configuration and its empty data directory, but not sentinel.conf', () => {
    expect(shipped('modules/my-redis')).toEqual(['/etc/redis/redis.conf', '/var/lib/redis/.gitkeep']);
  });
});
