import { GantryError } from '../base/error.ts';
import type { GeneratedService } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import type { ManifestService } from '../domain/modules/index.ts';
import { confine } from './confine.ts';
import { layerName, type UnitInput, type UnitLayer } from './input.ts';
import { dropInName, unitName } from './names.ts';
import { requiredModules } from './order.ts';
import { serviceInvalidError } from './quote.ts';
import { type FoundUnit, type Root, unitPathOf } from './root.ts';
import {
  formatBodyDropIn,
  formatDropIn,
  formatInitUnit,
  formatUnit,
  type UnitFacts,
  type UnitOrder,
} from './unit-text.ts';

/** A user of the root as units name it. */
export interface RootUser {
  uid: number;
  gid: number;
  /** Name of the primary group, or its number where it has none. */
  group: string;
}

/** A service and how it comes about, before its unit is written. */
export interface PlannedService {
  unit: string;
  layer: UnitLayer;
  service: ManifestService;
  managed: GeneratedService['managed'];
  /** The unit of a package. */
  found: FoundUnit | null;
}

const initName = 'init';

/**
 * Lists the services of a composition: those that manifests declare, and the units of packages that
 * a link enables.
 * @throws GantryError `service_conflict`
 */
export function planServices(
  { account, layers }: UnitInput,
  root: Root,
  warnings: string[],
): PlannedService[] {
  const planned = layers.flatMap((layer) =>
    declaredServices(layer, warnings).flatMap((service) => {
      const one = planService(account, { layer, service }, root);
      if (one === null) {
        warnings.push(
          `${layerName(layer)} declares the service ${service.name} without a start_command, and the root has no ${service.name}.service: nothing starts it`,
        );
      }
      return one ?? [];
    }),
  );

  refuseSharedUnits(planned, root);
  const known = new Set(planned.map(({ unit }) => unit));
  return [...planned, ...packageServices(layers, root).filter(({ unit }) => !known.has(unit))];
}

/** The older form is one more service. A manifest with both means the newer one. */
function declaredServices(layer: UnitLayer, warnings: string[]): ManifestService[] {
  const { services = [], init = {} } = layer.manifest;
  const hasInit = init.start !== undefined || init.stop !== undefined;
  if (services.length > 0) {
    if (hasInit) warnings.push(`${layerName(layer)} declares services, so its init is not used`);
    return services;
  }

  return hasInit ? [{ name: initName }] : [];
}

export function isInit({ layer, service }: PlannedService): boolean {
  return service.name === initName && (layer.manifest.services ?? []).length === 0;
}

function planService(
  account: string,
  { layer, service }: Pick<PlannedService, 'layer' | 'service'>,
  root: Root,
): PlannedService | null {
  const own = { unit: unitName(account, layer, service.name), layer, service, found: null };
  // Manifests are checked when they are read. No other text may become a path either.
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(service.name)) {
    throw serviceInvalidError(
      `expected a service of ${layerName(layer)} to be named by letters, digits and "-", found ${JSON.stringify(service.name)}`,
    );
  }

  const hasOwn = service.start_command !== undefined || service.unit_body !== undefined;
  if (hasOwn || (layer.manifest.services ?? []).length === 0)
    return { ...own, managed: 'generated' };

  const found = root.findUnit(`${service.name}.service`);
  return found === null ? null : { ...own, unit: found.unit, managed: 'drop-in', found };
}

/** The units of packages that a link in /etc enables. Instances of templates are left out. */
function packageServices(layers: readonly UnitLayer[], root: Root): PlannedService[] {
  const byName = new Map(layers.map((layer) => [layerName(layer), layer]));
  return [...root.enabled].flatMap(([name, link]) => {
    if (!link.startsWith('/etc/') || !/^[^@]+\.service$/.test(name)) return [];
    const found = root.findUnit(name);
    const layer = byName.get(found?.by ?? '');
    if (found === null || layer === undefined) return [];

    const service = { name: found.unit.slice(0, -'.service'.length) };
    return [{ unit: found.unit, layer, service, managed: 'package' as const, found }];
  });
}

/** One service must not be started twice: by two manifests, or by a manifest and a package. */
function refuseSharedUnits(planned: readonly PlannedService[], root: Root): void {
  const managers = new Map<string, PlannedService>();
  for (const one of planned) {
    const other = managers.get(one.unit);
    if (other !== undefined) throw conflictError(one, describe(other));
    managers.set(one.unit, one);
  }

  for (const one of planned) {
    if (one.managed !== 'generated' || isInit(one)) continue;
    const found = root.findUnit(`${one.service.name}.service`);
    if (found === null) continue;

    const manager = managers.get(found.unit);
    if (manager !== undefined) throw conflictError(one, describe(manager));
    if (root.enabled.has(found.unit) || root.enabled.has(`${one.service.name}.service`)) {
      throw conflictError(one, `the enabled unit ${found.path} of ${found.by ?? 'the root'}`);
    }
  }
}

function describe({ layer, service }: Pick<PlannedService, 'layer' | 'service'>): string {
  return `the service ${service.name} of ${layerName(layer)}`;
}

function conflictError(one: PlannedService, other: string): GantryError {
  const { name } = one.service;
  return new GantryError(
    'service_conflict',
    `expected one starter of ${name}, found ${describe(one)} and ${other}. Rename one, leave start_command out to manage the package's unit, or remove one of the modules`,
    { field: name, found: other },
  );
}

/** What the writing of units needs besides the plan. */
export interface WriteContext {
  root: Root;
  users: ReadonlyMap<string, RootUser>;
  orders: ReadonlyMap<string, UnitOrder>;
  warnings: string[];
}

/**
 * Writes the files of a service: path → text. The unit of a package gets a drop-in, or nothing if
 * no manifest declares it.
 * @throws GantryError `service_invalid`
 */
export function writeService(one: PlannedService, context: WriteContext): Map<string, string> {
  const { unit, layer, service, managed } = one;
  const { security = {} } = layer.manifest;
  if (managed === 'package') return new Map();

  const place = describe(one);
  const whole = managed === 'generated' && service.unit_body === undefined;
  const { lines, warnings } = confine(security, service, { whole, place });
  context.warnings.push(...warnings);

  const facts = { ...unitFacts(one, context), rights: lines };
  const title = `${service.name} of ${layerName(layer)}`;
  const path = unitPathOf(unit);
  const dropIn = `${path}.d/${dropInName}`;

  if (managed === 'drop-in') return withText(dropIn, formatDropIn(service, facts));
  if (isInit(one)) return withText(path, formatInitUnit(layer.manifest.init ?? {}, facts, title));
  if (service.unit_body === undefined) return withText(path, formatUnit(service, facts, title));

  context.warnings.push(...warnOfBody(service, place));
  return new Map([
    [path, requireBody(service.unit_body, place)],
    ...withText(dropIn, formatBodyDropIn(facts)),
  ]);
}

/** A text without a section says nothing. */
function withText(path: string, text: string): Map<string, string> {
  return new Map(text.includes('\n[') ? [[path, text]] : []);
}

function unitFacts(
  { unit, service, ...one }: PlannedService,
  context: WriteContext,
): Omit<UnitFacts, 'rights'> {
  const { root, users, orders, warnings } = context;
  const place = describe({ ...one, service });
  const user = service.user === undefined ? undefined : users.get(service.user);
  if (service.user !== undefined && user === undefined && users.size > 0) {
    warnings.push(`${place} runs as ${service.user}, a user that the root does not have`);
  }

  return {
    place,
    group: user?.group ?? null,
    order: orders.get(unit) ?? { after: [], requires: [], wants: [] },
    findCommand: (name) => findCommand(name, root),
  };
}

const commandDirectories = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

function findCommand(name: string, root: Root): string | null {
  const found = commandDirectories.find(
    (directory) => root.resolve(`${directory}/${name}`) !== null,
  );
  return found === undefined ? null : `${found}/${name}`;
}

function requireBody(body: string, place: string): string {
  const text = body.endsWith('\n') ? body : `${body}\n`;
  if (/^\[Service\][ \t]*$/m.test(text) && !text.includes('\0') && text.isWellFormed()) return text;
  throw serviceInvalidError(
    `expected the unit_body of ${place} to be a systemd unit with the section [Service], found none`,
  );
}

const bodyKeys = ['stop_command', 'restart_policy', 'user', 'working_directory', 'env'] as const;

function warnOfBody(service: ManifestService, place: string): string[] {
  const unused = bodyKeys.filter((key) => service[key] !== undefined);
  if (unused.length === 0) return [];
  return [`${place} has a unit_body, so its ${unused.join(', ')} is not used`];
}

/**
 * What each service waits for: services of its manifest by their `dependencies`, the names that a
 * `unit_body` lists, and the services of the modules that its module requires.
 */
export function orderServices(
  planned: readonly PlannedService[],
  layers: readonly UnitLayer[],
): Map<string, UnitOrder> {
  const required = requiredModules(layers);
  const units = new Map<string, string[]>();
  for (const { unit, layer, managed } of planned) {
    // Units that no manifest declares may start late, after the target that starts the others.
    if (managed === 'package') continue;
    const name = layerName(layer);
    units.set(name, [...(units.get(name) ?? []), unit]);
  }

  return new Map(
    planned.map((one) => {
      const name = layerName(one.layer);
      const others = (required.get(name) ?? []).flatMap((module) => units.get(module) ?? []);
      return [one.unit, orderOf(one, planned, others)];
    }),
  );
}

function orderOf(
  { unit, layer, service, managed }: PlannedService,
  planned: readonly PlannedService[],
  others: readonly string[],
): UnitOrder {
  // What a package enables without a manifest starts as the package says.
  if (managed === 'package') return { after: [], requires: [], wants: [] };
  const siblings = new Map(
    planned.filter((one) => one.layer === layer).map((one) => [one.service.name, one.unit]),
  );
  const needed = (service.dependencies ?? []).flatMap((one) => {
    const sibling = siblings.get(one.service);
    return sibling === undefined ? [] : [{ unit: sibling, isSoft: one.kind === 'softdep' }];
  });

  const byName = new Map(
    planned.flatMap((one) => [
      [one.unit, one.unit],
      [`${one.service.name}.service`, one.unit],
    ]),
  );
  const listed = listedInBody(service.unit_body ?? '').flatMap((name) => byName.get(name) ?? []);
  const after = [...needed.map((one) => one.unit), ...listed, ...others];

  return {
    after: [...new Set(after)].filter((one) => one !== unit).sort(compareBytes),
    requires: needed
      .filter(({ isSoft }) => !isSoft)
      .map((one) => one.unit)
      .sort(compareBytes),
    wants: needed
      .filter(({ isSoft }) => isSoft)
      .map((one) => one.unit)
      .sort(compareBytes),
  };
}

function listedInBody(body: string): string[] {
  return [...body.matchAll(/^After[ \t]*=(.*)$/gm)].flatMap(([, names = '']) =>
    names.trim().split(/\s+/),
  );
}
