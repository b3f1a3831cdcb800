import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { refuseSharedPorts } from '../../../shared/composition/index.ts';
import { splitProvided } from '../../../shared/domain/modules/index.ts';
import { thrownBy } from './factory.ts';

const provider = (module: string, provides: string[], required_by: string[] = []) => ({
  module,
  version: '1.0.0',
  provides: provides.map(splitProvided),
  assigned: required_by.length === 0,
  required_by,
});

describe('a port that modules provide', () => {
  it('may be provided by one module, as often as it likes', () => {
    const modules = [
      provider('acme/nginx', ['http.port:80', 'http.port:80@1.26', 'http-server']),
      provider('acme/apache', ['http.port:8080', 'http-server']),
    ];
    expect(() => refuseSharedPorts(modules)).not.toThrow();
  });

  it('conflicts where two provide it, in whatever order they come', () => {
    const modules = [
      provider('acme/nginx', ['http.port:80', 'https.port:443']),
      provider('acme/apache', ['https.port:443', 'http.port:80@2.4'], ['acme/web']),
    ];
    const error = thrownBy(() => refuseSharedPorts(modules));

    expect(error).toEqual(thrownBy(() => refuseSharedPorts(modules.toReversed())));
    expect(error).toMatchObject({
      code: 'capability_conflict',
      message:
        'expected one module that provides http.port:80, found acme/apache 1.0.0 (required by acme/web) and acme/nginx 1.0.0 ' +
        '(and 1 more such capabilities); remove one of them, or choose a version of it that does not provide http.port:80',
      details: [
        {
          capability: 'http.port:80',
          modules: expect.arrayContaining(['acme/apache', 'acme/nginx']),
        },
        { capability: 'https.port:443' },
      ],
    });
  });

  it('conflicts alone, and says nothing of others', () => {
    const modules = [
      provider('acme/nginx', ['http.port:80', 'https.port:443']),
      provider('acme/apache', ['http.port:80']),
    ];
    expect(thrownBy(() => refuseSharedPorts(modules))).toMatchObject({
      message: expect.stringContaining('found acme/apache 1.0.0 and acme/nginx 1.0.0; remove'),
      found: ['acme/apache', 'acme/nginx'],
      details: [{ capability: 'http.port:80', modules: ['acme/apache', 'acme/nginx'] }],
    });
  });

  it('is one of a hundred conflicts that are listed', () => {
    const ports = Array.from({ length: limits.conflictsShownMax + 1 }, (_, n) => `tcp.port:${n}`);
    const error = thrownBy(() =>
      refuseSharedPorts([provider('acme/a', ports), provider('acme/b', ports)]),
    );
    expect(error).toMatchObject({ details: { length: limits.conflictsShownMax } });
  });
});
