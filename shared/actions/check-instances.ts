import { placeholdersOf } from '../composition/index.ts';
import type { ComposeMessage } from '../contract/messages.ts';
import type { Change } from '../domain/operation.ts';
import type { Instance } from '../domain/template.ts';
import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { walkInstances } from '../store/instance.ts';
import { type InstanceFile, readInstanceFiles } from './instance-files.ts';
import type { Services } from './services.ts';

/** A key that a rendered file asks the instance's metadata for. */
interface AskedKey {
  key: string;
  file: string;
  module: string;
}

/**
 * Refuses a change after which a machine could not be rendered that can be now: `instance_metadata_missing`, with the
 * machine, the key and the file that asks for it. A machine that lacks a key already is no reason: its own row says so,
 * and others' changes go on.
 * @param files what each machine of the track is rendered from, before the change and after it
 */
export async function checkInstances(
  services: Services,
  { account, template_id, track }: ComposeMessage,
  change: Change,
  files: { before: readonly InstanceFile[]; after: readonly InstanceFile[] },
): Promise<void> {
  const after = await askedKeys(services, files.after);
  if (after.length === 0) return;
  const before = new Set((await askedKeys(services, files.before)).map(({ key }) => key));
  let place: string | null = '';
  while (place !== null) {
    const page: { instances: Instance[]; next: string | null } = await walkInstances(
      services.db,
      account,
      template_id,
      limits.checkInstancesRead,
      place,
    );
    for (const instance of page.instances) {
      if (instance.state === 'decommissioned') continue;
      const changed = change.kind === 'update_instance' && change.instance_id === instance.id;
      const next = changed ? { ...instance, ...change } : instance;
      if (next.track !== track) continue;
      // What lacks a key that was asked for before lacks it without this change.
      const askedBefore = instance.track === track ? before : new Set<string>();
      const missing = after.filter(
        ({ key }) =>
          !Object.hasOwn(next.metadata, key) && !(askedBefore.has(key) && !Object.hasOwn(instance.metadata, key)),
      );
      refuseMissing(instance, missing);
    }
    place = page.next;
  }
}

async function askedKeys(services: Services, files: readonly InstanceFile[]): Promise<AskedKey[]> {
  const contents = await readInstanceFiles(services, files);
  return files.flatMap(({ module, entry }) =>
    placeholdersOf(contents(module, entry.path)).map((key) => ({ key, file: entry.path, module })),
  );
}

function refuseMissing({ id, name }: Instance, missing: AskedKey[]): void {
  const [first] = missing;
  if (first === undefined) return;
  throw new GantryError(
    'instance_metadata_missing',
    `expected the metadata of instance "${name}" to have "${first.key}", which ${JSON.stringify(first.file)} of ` +
      `${first.module} asks for; found none`,
    { field: `metadata.${first.key}`, found: id, details: missing },
  );
}
