/** A service as it was started, or as it should run. */
export interface PlannedService {
  unit: string;
  /** Differs if and only if the service must restart. */
  digest: string;
  /** Units that start before this one. */
  after: readonly string[];
}

export interface ServiceAction {
  kind: 'stop' | 'restart';
  unit: string;
}

/**
 * Decides what follows a change: services that are gone stop, in the reverse of the order in which
 * they start; then those that are new or changed restart in order. Nothing else is touched, so a
 * plan that was carried out is followed by an empty one.
 *
 * @param before what was started
 * @param after what should run
 */
export function planServices(
  before: readonly PlannedService[],
  after: readonly PlannedService[],
): ServiceAction[] {
  const wanted = new Set(after.map(({ unit }) => unit));
  const started = new Map(before.map(({ unit, digest }) => [unit, digest]));

  const gone = before.filter(({ unit }) => !wanted.has(unit));
  const changed = new Set(
    after.filter(({ unit, digest }) => started.get(unit) !== digest).map(({ unit }) => unit),
  );

  return [
    ...orderServices(gone)
      .reverse()
      .map(({ unit }) => ({ kind: 'stop' as const, unit })),
    ...orderServices(after)
      .filter(({ unit }) => changed.has(unit))
      .map(({ unit }) => ({ kind: 'restart' as const, unit })),
  ];
}

/**
 * Sorts services so that each comes after those that start before it, and by name where the order
 * is free. A service in a cycle comes after those before it by name: composing refuses cycles.
 */
export function orderServices<S extends PlannedService>(services: readonly S[]): S[] {
  const byName = [...services].sort((a, b) => (a.unit < b.unit ? -1 : 1));
  const known = new Map(byName.map((service) => [service.unit, service]));
  const seen = new Set<string>();
  const ordered: S[] = [];

  const visit = (service: S): void => {
    if (seen.has(service.unit)) return;
    seen.add(service.unit);

    for (const unit of [...service.after].sort()) {
      const earlier = known.get(unit);
      if (earlier !== undefined) visit(earlier);
    }
    ordered.push(service);
  };

  for (const service of byName) visit(service);
  return ordered;
}
