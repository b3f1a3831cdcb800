import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  listAskedKeys,
  listMissingKeys,
  renderInstanceFiles,
} from '../../../shared/composition/index.ts';
import { renderFile } from '../../../shared/composition/render.ts';
import type { RenderMetadata } from '../../../shared/domain/compose/index.ts';
import { entry, thrownBy } from './factory.ts';

function render(bytes: Uint8Array | string, metadata: RenderMetadata): Buffer {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const files = [{ module: 'acme/host', entry: entry('/etc/hostname') }];
  const [file] = renderInstanceFiles(files, () => content, metadata);
  return Buffer.from(file?.content ?? '', 'base64');
}

describe('renderInstanceFiles', () => {
  it('substitutes instance keys and nothing else', () => {
    const text =
      '${instance.hostname} ${instance.port} ${instance.tls} ${HOME} $instance.hostname ${instance}\n';
    expect(render(text, { hostname: 'tokyo-1', port: 8443, tls: true }).toString()).toBe(
      'tokyo-1 8443 true ${HOME} $instance.hostname ${instance}\n',
    );
  });

  it('does not look at values again', () => {
    expect(render('${instance.a}', { a: '${instance.b} $& $1', b: 'no' }).toString()).toBe(
      '${instance.b} $& $1',
    );
  });

  it('passes files that are not text unchanged', () => {
    const withNul = Buffer.from('\0${instance.none}');
    const notUtf8 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('${instance.none}')]);
    expect(render(withNul, {})).toEqual(withNul);
    expect(render(notUtf8, {})).toEqual(notUtf8);
  });

  it('keeps a byte order mark and every other character', () => {
    const text = '\ufeffgrüße ${instance.name} 😀\r\n';
    expect(render(text, { name: '東京' })).toEqual(Buffer.from('\ufeffgrüße 東京 😀\r\n'));
  });

  it('names the unknown key, its file and its module', () => {
    const error = thrownBy(() => render('a ${instance.hostnme} b', { hostname: 'x' }));
    expect(error).toMatchObject({
      code: 'instance_metadata_missing',
      details: [{ key: 'hostnme', file: '/etc/hostname', module: 'acme/host' }],
    });
    expect((error as Error).message).toBe(
      'expected the instance\'s metadata to have "hostnme", which "/etc/hostname" of acme/host asks for; found only hostname',
    );
  });

  it.each(['constructor', '__proto__', 'toString'])(
    'does not take %s from the prototype',
    (key) => {
      expect(thrownBy(() => render(`\${instance.${key}}`, {}))).toMatchObject({
        code: 'instance_metadata_missing',
      });
    },
  );

  it('keeps attributes, takes contents by module and path, and sorts by path', () => {
    const files = [
      {
        module: 'acme/b',
        entry: entry('/etc/z', 'file', { mode: 0o600, uid: 7, gid: 8, mtime: 9 }),
      },
      { module: 'acme/a', entry: entry('/etc/a') },
    ];

    const rendered = renderInstanceFiles(
      files,
      (module, path) => Buffer.from(`${module}:${path}`),
      {},
    );

    expect(
      rendered.map(({ path, content }) => [path, Buffer.from(content, 'base64').toString()]),
    ).toEqual([
      ['/etc/a', 'acme/a:/etc/a'],
      ['/etc/z', 'acme/b:/etc/z'],
    ]);

    expect(rendered[1]).toMatchObject({ module: 'acme/b', mode: 0o600, uid: 7, gid: 8, mtime: 9 });
  });
});

describe('the size of what is rendered', () => {
  const tooLarge = { code: 'composition_too_large', expected: limits.renderedBytesMax };
  const renderUpTo = (bytesMax: number, text: string | Uint8Array, metadata: RenderMetadata) =>
    thrownBy(() => renderFile(Buffer.from(text as string), metadata, { bytesMax }));

  it.each<[string, string | Uint8Array, RenderMetadata, number]>([
    ['a longer value', 'a${instance.k}b', { k: 'x'.repeat(20) }, 22],
    ['a value of many bytes', '${instance.k}', { k: 'éé' }, 4],
    ['a shorter value', '${instance.key}', { key: '' }, 0],
    ['a value that is used twice', '${instance.k}${instance.k}', { k: 'ab' }, 4],
    ['a key without a value', '${instance.none}', {}, 16],
    ['bytes beside text', Buffer.from([0, 1, 2]), {}, 3],
  ])('is measured with %s', (_what, text, metadata, bytes) => {
    expect(renderUpTo(bytes, text, metadata)).toBeUndefined();
    expect(renderUpTo(bytes - 1, text, metadata)).toMatchObject(tooLarge);
  });

  it('is that of all files together', () => {
    const half = Buffer.alloc(limits.renderedBytesMax / 2);
    const files = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ module: 'acme/a', entry: entry(`/f${n}`) }));
    expect(renderInstanceFiles(files(2), () => half, {})).toHaveLength(2);
    expect(thrownBy(() => renderInstanceFiles(files(3), () => half, {}))).toMatchObject(tooLarge);
  });
});

it('the keys that files use are listed once for each file, and those without a value', () => {
  const files = ['/etc/a', '/etc/b'].map((path) => ({ module: 'acme/a', entry: entry(path) }));
  const asked = listAskedKeys(files, () =>
    Buffer.from('${instance.y} ${instance.x} ${instance.y}'),
  );
  const module = 'acme/a';

  expect(asked).toEqual([
    { key: 'y', file: '/etc/a', module },
    { key: 'x', file: '/etc/a', module },
    { key: 'y', file: '/etc/b', module },
    { key: 'x', file: '/etc/b', module },
  ]);
  expect(listMissingKeys(asked, { y: '' })).toEqual([
    { key: 'x', file: '/etc/a', module },
    { key: 'x', file: '/etc/b', module },
  ]);
});

it.each<[RenderMetadata, string]>([
  [{}, 'found no metadata'],
  [{ b: 1, a: 2 }, 'found only a, b'],
])('the error of a missing key with the metadata %j says %s', (metadata, sentence) => {
  expect(thrownBy(() => render('${instance.none}', metadata))).toMatchObject({
    field: 'metadata.none',
    found: Object.keys(metadata).sort(),
    message: expect.stringContaining(sentence),
  });
});
