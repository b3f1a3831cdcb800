import { GantryError } from '../base/error.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { capabilityPrefix, splitProvided } from '../domain/modules/index.ts';
import { commonAccount } from '../domain/templates/index.ts';
import { layerName, type UnitLayer } from './input.ts';

/**
 * For each module, the modules of the composition that it requires, by whatever name. A capability
 * means every module that provides it. Modules that require each other, which only capabilities can
 * bring about, do not order each other.
 */
export function requiredModules(layers: readonly UnitLayer[]): Map<LayerName, LayerName[]> {
  const named = new Map(layers.map((layer) => [layerName(layer), directlyRequired(layer, layers)]));
  const reach = new Map([...named.keys()].map((name) => [name, reachableFrom(name, named)]));

  return new Map(
    [...named].map(([name, all]) => [
      name,
      all.filter((other) => other !== name && !reach.get(other)?.has(name)).sort(compareBytes),
    ]),
  );
}

function directlyRequired(layer: UnitLayer, layers: readonly UnitLayer[]): LayerName[] {
  const known = new Set(layers.map(layerName));
  return layer.manifest.dependencies.requires.flatMap((text) => {
    const [name = ''] = text.split('@');
    if (name.startsWith(capabilityPrefix))
      return providersOf(name.slice(capabilityPrefix.length), layers);

    const wanted = name.toLowerCase();
    const full = wanted.includes('/')
      ? [wanted]
      : [`${layer.account}/${wanted}`, `${commonAccount}/${wanted}`];
    const found = full.find((one) => known.has(one));
    return found === undefined ? providersOf(wanted, layers) : [found];
  });
}

function providersOf(capability: string, layers: readonly UnitLayer[]): LayerName[] {
  return layers
    .filter(({ manifest }) =>
      manifest.dependencies.provides.some((one) => splitProvided(one).capability === capability),
    )
    .map(layerName);
}

function reachableFrom(
  start: LayerName,
  edges: ReadonlyMap<LayerName, readonly LayerName[]>,
): Set<LayerName> {
  const seen = new Set<LayerName>();
  const pending = [...(edges.get(start) ?? [])];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    pending.push(...(edges.get(name) ?? []));
  }

  return seen;
}

interface Ordered {
  unit: string;
  after: readonly string[];
}

/**
 * Sorts services so that each comes after those that it waits for; names decide between equals
 * (Kahn 1962).
 * @throws GantryError `service_cycle`
 */
export function sortServices<Service extends Ordered>(services: readonly Service[]): Service[] {
  const left = new Map(
    services
      .toSorted((a, b) => compareBytes(a.unit, b.unit))
      .map((one) => [one.unit, one] as const),
  );
  const sorted: Service[] = [];

  while (left.size > 0) {
    const ready = [...left.values()].find(({ after }) => !after.some((unit) => left.has(unit)));
    if (ready === undefined) throw cycleError(left);
    left.delete(ready.unit);
    sorted.push(ready);
  }

  return sorted;
}

function cycleError(stuck: ReadonlyMap<string, Ordered>): GantryError {
  const way: string[] = [];
  let [at] = stuck.keys();

  // Each of them waits for another one of them, so the way never ends.
  while (at !== undefined && !way.includes(at)) {
    way.push(at);
    at = stuck.get(at)?.after.find((unit) => stuck.has(unit));
  }

  const cycle = [...way.slice(way.indexOf(at ?? '')), at].join(' → ');
  return new GantryError(
    'service_cycle',
    `expected services that can start one after the other, found the cycle ${cycle}. Remove one of these dependencies from a manifest`,
    { found: cycle },
  );
}
