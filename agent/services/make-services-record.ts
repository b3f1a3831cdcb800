import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { GeneratedService } from '../../shared/domain/compose/index.ts';
import { Root } from '../../shared/units/index.ts';
import type { AgentPaths } from '../paths.ts';
import { isStored, type Store } from '../verify/store.ts';
import type { VerifiedContent } from '../verify/verify-content.ts';
import { machineUnit, type RootPlace } from './machine-unit.ts';
import { RootUsers } from './root-users.ts';
import { servicesRunPath } from './runtime.ts';
import type { MachineService, ServicesRecord } from './services-record.ts';

export interface RecordOptions {
  paths: AgentPaths;
  store: Store;
  content: VerifiedContent;
  /** Path of the generation that the services run in. */
  root: string;
  /** Differs from that of the generation before if all services must restart. */
  epoch: number;
  /** Whether the machine's own units are those of a composition, as it booted from one. */
  isBooted: boolean;
}

/**
 * Makes the record of what a generation runs, from verified content alone.
 *
 * @throws `service_failed` when a service runs as a user, or needs a file, that the root lacks
 */
export async function makeServicesRecord(options: RecordOptions): Promise<ServicesRecord> {
  const { paths, content, root, isBooted } = options;
  const declared = content.services.filter(({ managed }) => managed !== 'package');

  const tree = new Root({ account: '', layers: [], entries: content.tree.entries });
  const place: RootPlace = {
    root,
    machineData: paths.machineData,
    // On a machine that booted from a composition, services share /run with the rest of it.
    run: isBooted ? '/run' : servicesRunPath(paths),
    users: new RootUsers(
      await readText('/etc/passwd', options),
      await readText('/etc/group', options),
    ),
    findFile: (path) => findFile(tree, path),
    names: new Map(
      declared.flatMap((service) =>
        [service.unit, ...service.aliases].map((name) => [
          name,
          machineUnitName(service, content, isBooted),
        ]),
      ),
    ),
  };

  const services: MachineService[] = [];
  for (const service of declared) services.push(await describeService(service, place, options));
  const modules = [...new Set(declared.map(({ account, module }) => `${account}/${module}`))];
  return { root, run: place.run, services, modules, probes: content.probes.map(toProbe) };
}

async function describeService(
  service: GeneratedService,
  place: RootPlace,
  options: RecordOptions,
): Promise<MachineService> {
  const { content, epoch, isBooted } = options;
  const texts: string[] = [];
  for (const path of service.files) texts.push(await readText(path, options));

  const made = machineUnit({ unit: machineUnitName(service, content, isBooted), texts }, place);
  const toMachine = (units: string[]) => units.flatMap((unit) => place.names.get(unit) ?? []);

  return {
    ...made,
    digest: createHash('sha256').update(`${service.digest} ${epoch}`).digest('hex'),
    after: toMachine(service.after),
    after_healthy: toMachine(service.after_healthy),
    health: service.health,
    reboot_required: service.reboot_required,
  };
}

/**
 * The name of a service's unit on the machine. On one with its own systemd, a package's unit gets
 * the prefix of generated ones too, so that it never is one of the machine's own. On one that
 * booted from a composition it replaces the unit of that root.
 */
function machineUnitName(
  { managed, unit, account, module, service }: GeneratedService,
  { desired }: VerifiedContent,
  isBooted: boolean,
): string {
  if (managed === 'generated' || isBooted) return unit;
  const owner = account === desired.state.account ? '' : `${account}:`;
  return `gantry-${owner}${module}:${service}.service`;
}

function findFile(tree: Root, path: string): string | null {
  const found = tree.resolve(path);
  return found !== null && tree.get(found)?.type === 'file' ? found : null;
}

function toProbe({ name, command, resolves_to }: VerifiedContent['probes'][number]) {
  return { name, command, resolves_to };
}

/** The text of a file of the verified tree; empty when it has none. */
async function readText(
  path: string,
  { content: { tree }, store }: RecordOptions,
): Promise<string> {
  const entry = tree.entries.find((one) => one.path === path);
  if (entry?.type !== 'file') return '';

  const bytes = tree.contents.get(path);
  if (bytes !== undefined) return Buffer.from(bytes).toString();
  if (isStored(entry)) return readFile(store.objectPath(entry.verity as string), 'utf8');
  return Buffer.from(entry.content ?? '', 'base64').toString();
}
