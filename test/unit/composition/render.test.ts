import { describe, expect, it } from 'vitest';
import { renderInstanceFiles } from '../../../shared/composition/index.ts';
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
