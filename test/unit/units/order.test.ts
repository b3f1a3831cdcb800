import { describe, expect, it } from 'vitest';
import { generate, type ModuleOptions } from './factory.ts';

const service = (name: string, needs: string[] = []) => ({
  name,
  start_command: '/usr/bin/env',
  dependencies: needs.map((one) => ({ service: one })),
});

const requiring = (requires: string[], provides: string[] = []) => ({
  dependencies: { requires, provides },
});

const orderOf = (modules: ModuleOptions[]) =>
  generate(modules).services.map(({ unit, after }) => [unit, after]);

describe('the order of services', () => {
  it('follows their dependencies, and names between equals', () => {
    const services = [service('c'), service('a', ['c', 'b']), service('b', ['c'])];
    expect(orderOf([{ manifest: { services } }])).toEqual([
      ['gantry-web:c.service', []],
      ['gantry-web:b.service', ['gantry-web:c.service']],
      ['gantry-web:a.service', ['gantry-web:b.service', 'gantry-web:c.service']],
    ]);
  });

  it.each([
    ['by its whole name', 'acme/db@^1.0'],
    ['by its bare name', 'db'],
    ['by a capability', 'capability:sql@>=1'],
    ['by a bare capability', 'sql'],
  ])('follows the modules that a module requires %s', (_, requirement) => {
    const order = orderOf([
      { manifest: { ...requiring([requirement]), services: [service('a')] } },
      { module: 'db', manifest: { ...requiring([], ['sql@2.0']), services: [service('z')] } },
    ]);
    expect(order).toEqual([
      ['gantry-db:z.service', []],
      ['gantry-web:a.service', ['gantry-db:z.service']],
    ]);
  });

  it('ignores requirements that lead back', () => {
    const order = orderOf([
      { manifest: { ...requiring(['capability:x'], ['y']), services: [service('a')] } },
      {
        module: 'b',
        manifest: { ...requiring(['capability:y'], ['x']), services: [service('b')] },
      },
    ]);
    expect(order.map(([, after]) => after)).toEqual([[], []]);
  });

  it('is Requires= or Wants=, and says who must be healthy', () => {
    const { text, services } = generate([
      {
        manifest: {
          services: [
            {
              ...service('a'),
              dependencies: [
                { service: 'b', kind: 'start_before' },
                { service: 'c', kind: 'softdep' },
                { service: 'd', kind: 'requires_health' },
              ],
            },
            service('b'),
            service('c'),
            service('d'),
          ],
        },
      },
    ]);
    expect(text('/usr/lib/systemd/system/gantry-web:a.service')).toContain(`
After=network.target gantry-web:b.service gantry-web:c.service gantry-web:d.service
Requires=gantry-web:b.service gantry-web:d.service
Wants=gantry-web:c.service
`);
    expect(services.at(-1)?.after_healthy).toEqual(['gantry-web:d.service']);
  });

  it.each<[string, ModuleOptions[]]>([
    ['of a manifest', [{ manifest: { services: [service('a', ['b']), service('b', ['a'])] } }]],
    [
      'through a unit_body',
      [
        {
          manifest: {
            services: [
              service('a', ['b']),
              {
                name: 'b',
                unit_body: '[Unit]\nAfter=a.service\n[Service]\nExecStart=/usr/bin/env\n',
              },
            ],
          },
        },
      ],
    ],
  ])('has no cycle %s', (_, modules) => {
    expect(() => generate(modules)).toThrow(
      expect.objectContaining({
        code: 'service_cycle',
        found: 'gantry-web:a.service → gantry-web:b.service → gantry-web:a.service',
      }),
    );
  });

  it('leaves out a dependency on a service that is gone', () => {
    expect(orderOf([{ manifest: { services: [service('a', ['gone'])] } }])).toEqual([
      ['gantry-web:a.service', []],
    ]);
  });
});
