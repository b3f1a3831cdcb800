import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  orderServices,
  type PlannedService,
  planServices,
} from '../../../../agent/services/plan-services.ts';

/** `db` at 1; `web` at 2, after `db`: `'web=2>db'`. */
function services(text: string): PlannedService[] {
  return text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => {
      const [, unit = '', digest = '', after = ''] = /^(\w+)=(\w+)(?:>(.+))?$/.exec(one) ?? [];
      return { unit, digest, after: after === '' ? [] : after.split(',') };
    });
}

function plan(before: string, after: string): string {
  return planServices(services(before), services(after))
    .map(({ kind, unit }) => `${kind} ${unit}`)
    .join(', ');
}

describe('the plan of services', () => {
  it.each([
    ['nothing', '', '', ''],
    ['the same', 'db=1 web=1>db', 'db=1 web=1>db', ''],
    [
      'all that is new, in order',
      '',
      'web=1>db db=1 cache=1>web',
      'restart db, restart web, restart cache',
    ],
    ['only what changed', 'db=1 web=1>db', 'db=1 web=2>db', 'restart web'],
    [
      'what changed, in order',
      'a=1>b b=1>c c=1',
      'a=2>b b=2>c c=2',
      'restart c, restart b, restart a',
    ],
    ['what is gone, in reverse', 'a=1>b b=1>c c=1', '', 'stop a, stop b, stop c'],
    ['what is gone first', 'old=1 web=1', 'new=1 web=2', 'stop old, restart new, restart web'],
    ['a new order alone', 'a=1 b=1', 'a=1>b b=1', ''],
    ['an order by what is gone', 'a=1 b=1>a', 'b=2>a', 'stop a, restart b'],
    ['a cycle', '', 'a=1>b b=1>a', 'restart b, restart a'],
    ['itself', '', 'a=1>a', 'restart a'],
  ])('has for %s: %s → %s: %s', (_, before, after, expected) => {
    expect(plan(before, after)).toBe(expected);
  });

  const some = fc.uniqueArray(
    fc.record({
      unit: fc.constantFrom(...'abcdefgh'),
      digest: fc.constantFrom<string[]>('1', '2'),
      after: fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { maxLength: 3 }),
    }),
    { selector: ({ unit }) => unit },
  );

  it('leads from any services to any others, and is empty then', () => {
    fc.assert(
      fc.property(some, some, (before, after) => {
        const running = new Map<string, PlannedService>(
          before.map((service) => [service.unit, service]),
        );
        const touched = new Set<string>();

        for (const { kind, unit } of planServices(before, after)) {
          expect(touched.has(unit)).toBe(false);
          touched.add(unit);
          if (kind === 'stop') running.delete(unit);
          else running.set(unit, after.find((service) => service.unit === unit) as PlannedService);
        }

        expect([...running.keys()].sort()).toEqual(after.map(({ unit }) => unit).sort());
        expect(planServices([...running.values()], after)).toEqual([]);
      }),
    );
  });

  it('puts each service after those that start before it', () => {
    fc.assert(
      fc.property(some, (services) => {
        // Names only point back, so there is no cycle.
        const forward = services.map((service) => ({
          ...service,
          after: service.after.filter((unit) => unit < service.unit),
        }));
        const order = orderServices(forward).map(({ unit }) => unit);
        for (const { unit, after } of forward) {
          for (const earlier of after.filter((one) => order.includes(one)))
            expect(order.indexOf(earlier)).toBeLessThan(order.indexOf(unit));
        }
      }),
    );
  });
});
