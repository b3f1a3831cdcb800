import type { z } from 'zod';
import { listSome } from '../../base/list-some.ts';
import type { ManifestService } from '../../domain/modules/index.ts';
import { describeValue } from '../problem.ts';

/** How many services of a circle the error names. */
const circleShown = 10;

type Context = z.RefinementCtx<ManifestService[]>;

/**
 * Checks what services say of each other: names are unique, dependencies name other services of
 * the manifest and make no circle, and a whole unit leaves no place for a command.
 */
export function checkServices(services: ManifestService[], context: Context): void {
  const refuse = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const names = new Set<string>();

  for (const [index, { name, start_command, unit_body }] of services.entries()) {
    if (names.has(name))
      refuse([index, 'name'], `expected a name that no other service has, found "${name}" again`);
    names.add(name);

    if (unit_body !== undefined && start_command !== undefined)
      refuse([index, 'start_command'], 'expected unit_body or start_command, found both');
  }

  const known = listSome([...names]);
  for (const [index, { dependencies = [] }] of services.entries()) {
    for (const [place, { service }] of dependencies.entries()) {
      const path = [index, 'dependencies', place, 'service'];
      if (!names.has(service)) {
        refuse(
          path,
          `expected a service of this manifest (${known}), found ${describeValue(service)}`,
        );
      }
    }
  }

  const circle = findCircle(services);
  if (circle === null) return;

  const shown = circle.names.slice(0, circleShown).join(' → ');
  const more = circle.names.length > circleShown ? ' → …' : '';
  refuse(
    [circle.index, 'dependencies'],
    `expected services that can start one after the other, found the circle ${shown}${more}`,
  );
}

interface Circle {
  /** Index of its first service. */
  index: number;
  /** From the first service back to it. */
  names: string[];
}

/** A circle of dependencies, or null. In proportion to the length of the manifest. */
function findCircle(services: ManifestService[]): Circle | null {
  const needs = new Map(
    services.map(({ name, dependencies = [] }) => [name, dependencies.map((one) => one.service)]),
  );
  const stuck = listStuck(needs);

  // Each of them needs another one of them, so the way never ends.
  const way: string[] = [];
  const places = new Map<string, number>();
  let [at] = stuck;

  while (at !== undefined) {
    const seen = places.get(at);
    if (seen !== undefined) {
      const index = services.findIndex(({ name }) => name === at);
      return { index, names: [...way.slice(seen), at] };
    }

    places.set(at, way.length);
    way.push(at);
    at = needs.get(at)?.find((name) => stuck.has(name));
  }

  return null;
}

/** Services that cannot start, because what they need never starts (Kahn 1962). */
function listStuck(needs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const waiting = new Map<string, number>();
  const waiters = new Map<string, string[]>();

  for (const [name, all] of needs) {
    const known = new Set(all.filter((one) => needs.has(one)));
    waiting.set(name, known.size);
    for (const one of known) {
      const list = waiters.get(one) ?? [];
      waiters.set(one, list);
      list.push(name);
    }
  }

  const ready = [...needs.keys()].filter((name) => waiting.get(name) === 0);
  for (const name of ready) {
    waiting.delete(name);
    for (const waiter of waiters.get(name) ?? []) {
      const left = (waiting.get(waiter) ?? 0) - 1;
      waiting.set(waiter, left);
      if (left === 0) ready.push(waiter);
    }
  }

  return new Set(waiting.keys());
}
