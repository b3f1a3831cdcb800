import type { z } from 'zod';
import type { ManifestService } from '../../domain/modules/index.ts';
import { describeValue } from '../problem.ts';

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

  for (const [index, { dependencies = [] }] of services.entries()) {
    for (const [place, { service }] of dependencies.entries()) {
      const path = [index, 'dependencies', place, 'service'];
      if (!names.has(service)) {
        const known = [...names].join(', ');
        refuse(
          path,
          `expected a service of this manifest (${known}), found ${describeValue(service)}`,
        );
      }
    }
  }

  const circle = findCircle(services);
  if (circle !== null)
    refuse(
      [circle.index, 'dependencies'],
      `expected services that can start one after the other, found the circle ${circle.names.join(' → ')}`,
    );
}

/** The first circle of dependencies, from its first service back to it. */
function findCircle(services: ManifestService[]): { index: number; names: string[] } | null {
  const needs = new Map(
    services.map(({ name, dependencies = [] }) => [name, dependencies.map((one) => one.service)]),
  );

  for (const [index, { name }] of services.entries()) {
    const way = findWay(needs, name);
    if (way !== null) return { index, names: way };
  }
  return null;
}

/** The shortest way from a service along its dependencies back to itself. */
function findWay(needs: ReadonlyMap<string, string[]>, start: string): string[] | null {
  const ways = (needs.get(start) ?? []).map((next) => [start, next]);
  const seen = new Set<string>();

  for (const way of ways) {
    const last = way.at(-1) as string;
    if (last === start) return way;
    if (seen.has(last)) continue;

    seen.add(last);
    ways.push(...(needs.get(last) ?? []).map((next) => [...way, next]));
  }
  return null;
}
