import { GantryError } from '../base/error.ts';
import type { GeneratedService } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { addAccounts } from './accounts.ts';
import { ServiceDigests } from './digest.ts';
import { addPackages } from './dpkg.ts';
import { serviceHealth } from './health.ts';
import { type GeneratedLayer, layerName, type ReadContent, type UnitInput } from './input.ts';
import { generatedDirectory, isReserved } from './names.ts';
import { sortServices } from './order.ts';
import { Drawing, Root, reservedError, unitPathOf } from './root.ts';
import {
  isInit,
  orderServices,
  type PlannedService,
  planServices,
  type RootUser,
  writeService,
} from './services.ts';
import { addShippedData } from './shipped-data.ts';
import { addSudoers } from './sudoers.ts';

/**
 * Makes the topmost layer of a composition from the manifests of its modules (product.md, section
 * 7): units, users, rules of sudo, the database of dpkg, and what machines find below /var. Pure:
 * the control plane and the agent make the same layer from the same input.
 *
 * @param contents returns the files of `listNeededFiles`
 * @throws GantryError `service_conflict`, `service_cycle`, `service_invalid`, `user_conflict`,
 * `sudo_invalid`, `generated_path_conflict`, `io_error` for contents of another size
 */
export function generateLayer(input: UnitInput, readContent: ReadContent): GeneratedLayer {
  refuseReserved(input);
  const root = new Root(input);
  const contents = (path: string) => requireWhole(path, readContent(path), root);
  const drawing = new Drawing(root);
  const warnings: string[] = [];

  const users = addAccounts(input, contents, { root, drawing, warnings });
  addSudoers(input, { root, drawing, warnings });
  addPackages(input, contents, drawing);
  addShippedData(input, users, { root, drawing });
  const services = addServices(input, { root, drawing, users, warnings });

  return {
    entries: drawing.finish(),
    contents: drawing.contents,
    removed: [...drawing.removed].sort(compareBytes),
    services,
    probes: input.layers.flatMap((layer) =>
      (layer.manifest.verify?.probes ?? []).map((probe) => ({
        ...probe,
        module: layerName(layer),
      })),
    ),
    warnings,
  };
}

/** A database that is read as empty would lose every user of the base. */
function requireWhole(path: string, bytes: Uint8Array, root: Root): Uint8Array {
  const expected = root.get(path)?.size ?? 0;
  if (bytes.length === expected) return bytes;
  const message = `expected ${expected} bytes of ${path}, found ${bytes.length}`;
  throw new GantryError('io_error', message, { field: path, expected, found: bytes.length });
}

function refuseReserved({ layers }: UnitInput): void {
  for (const layer of layers) {
    for (const { path, type } of layer.entries)
      if (type !== 'directory' && isReserved(path))
        throw reservedError(path, `of type ${type}`, layerName(layer));
  }
}

interface Making {
  root: Root;
  drawing: Drawing;
  users: ReadonlyMap<string, RootUser>;
  warnings: string[];
}

function addServices(
  input: UnitInput,
  { root, drawing, users, warnings }: Making,
): GeneratedService[] {
  const planned = planServices(input, root, warnings);
  const orders = orderServices(planned, input.layers);
  const digests = new ServiceDigests(input, root);
  const aliases = freeAliases(planned, root, warnings);

  const services = planned.map((one): GeneratedService => {
    const texts = writeService(one, { root, users, orders, warnings });
    for (const [path, text] of texts) drawing.addFile(path, text, { mode: 0o644 });
    startByTarget(one, root, drawing);

    const alias = aliases.get(one.unit);
    if (alias !== undefined) drawing.addLink(unitPathOf(alias), one.unit);

    const { unit, layer, service, managed, found } = one;
    const user = users.get(service.user ?? '');
    const after = orders.get(unit)?.after ?? [];
    return {
      unit,
      aliases: found === null ? [alias ?? []].flat() : root.aliasesOf(found),
      account: layer.account,
      module: layer.module,
      service: service.name,
      managed,
      files: [
        found?.path ?? [],
        found === null ? [] : root.dropInsOf(unit),
        ...texts.keys(),
      ].flat(),
      after: [...after],
      after_healthy: after.filter((other) => needsHealthy(one, other, planned)),
      user: user === undefined ? null : { name: service.user ?? '', uid: user.uid, gid: user.gid },
      digest: digests.digestOf(one, texts, user),
      reboot_required: layer.manifest.reboot_required === true,
      health: serviceHealth(service),
    };
  });

  return sortServices(services);
}

function needsHealthy(one: PlannedService, other: string, planned: readonly PlannedService[]) {
  return (one.service.dependencies ?? []).some(
    ({ service, kind = 'requires_health' }) =>
      kind === 'requires_health' &&
      planned.some(
        ({ unit, layer, service: { name } }) =>
          unit === other && layer === one.layer && name === service,
      ),
  );
}

/**
 * The short names, `api.service`, that services may have: nothing else in the root has it, and one
 * service alone asks for it.
 */
function freeAliases(
  planned: readonly PlannedService[],
  root: Root,
  warnings: string[],
): Map<string, string> {
  const claims = new Map<string, string[]>();
  for (const one of planned) {
    const name = `${one.service.name}.service`;
    if (one.managed !== 'generated' || isInit(one)) continue;
    claims.set(name, [...(claims.get(name) ?? []), one.unit]);
  }

  const free = [...claims].flatMap(([name, units]): [string, string][] => {
    const [unit = ''] = units;
    if (units.length > 1) warnings.push(`${units.join(' and ')} would both be ${name}, so none is`);
    const isTaken =
      units.length > 1 || root.findUnit(name) !== null || root.get(unitPathOf(name)) !== undefined;
    return isTaken ? [] : [[unit, name]];
  });
  return new Map(free);
}

/** Links the unit into the target that starts it, unless the root does already. */
function startByTarget({ unit, managed }: PlannedService, root: Root, drawing: Drawing): void {
  if (managed === 'package' || root.enabled.has(unit)) return;
  const link = `${generatedDirectory}/multi-user.target.wants/${unit}`;
  if (!drawing.has(link)) drawing.addLink(link, `../${unit}`);
}
