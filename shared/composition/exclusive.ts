import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { isExclusive, type Provided } from '../domain/modules/index.ts';
import { withoutMiddle } from './resolve-explain.ts';

/** A module of a composition, and what brings it there. */
export interface Provider {
  module: LayerName;
  version: string;
  provides: readonly Provided[];
  assigned: boolean;
  required_by: readonly LayerName[];
}

/**
 * Refuses a composition in which two modules provide the same `*.port:*`: only one of them could
 * listen there (product.md, section 2). The order of the modules never matters.
 * @throws GantryError `capability_conflict`
 */
export function refuseSharedPorts(modules: readonly Provider[]): void {
  const byPort = new Map<string, Provider[]>();
  for (const module of modules.toSorted((a, b) => compareBytes(a.module, b.module))) {
    const ports = new Set(module.provides.map(({ capability }) => capability).filter(isExclusive));
    for (const port of ports) byPort.set(port, [...(byPort.get(port) ?? []), module]);
  }

  const shared = [...byPort]
    .filter(([, providers]) => providers.length > 1)
    .sort(([a], [b]) => compareBytes(a, b));
  const [first] = shared;
  if (first === undefined) return;

  const [capability, providers] = first;
  const more = shared.length === 1 ? '' : ` (and ${shared.length - 1} more such capabilities)`;
  const found = withoutMiddle(providers.map(describeProvider)).join(' and ');

  throw new GantryError(
    'capability_conflict',
    `expected one module that provides ${capability}, found ${found}${more}; remove one of them, or choose a version of it that does not provide ${capability}`,
    {
      expected: capability,
      found: providers.map(({ module }) => module),
      details: shared
        .slice(0, limits.conflictsShownMax)
        .map(([port, all]) => ({ capability: port, modules: all.map(({ module }) => module) })),
    },
  );
}

function describeProvider({ module, version, assigned, required_by }: Provider): string {
  const named = `${module} ${version}`;
  return assigned ? named : `${named} (required by ${withoutMiddle(required_by).join(', ')})`;
}
