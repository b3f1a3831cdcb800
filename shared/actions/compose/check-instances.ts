import { GantryError } from '../../base/error.ts';
import { type AskedKey, listAskedKeys, listMissingKeys } from '../../composition/index.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import type { ChangedViews } from '../../domain/compose/index.ts';
import type { Instance } from '../../domain/machines/index.ts';
import { eachInstanceOf } from '../../store/machines/index.ts';
import { type InstanceFile, readInstanceFiles } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';

/**
 * Refuses a change that leaves a machine without metadata that its rendered files use. Throws
 * `instance_metadata_missing` with the machine, the key and the file. A machine that already lacks
 * the key does not count: its own row says so, and it must not block other changes.
 * @param changed a machine's row as it would be
 * @param files what each machine of the track is rendered from, before the change and after it
 */
export async function checkInstances(
  services: Services,
  message: ComposeMessage,
  changed: ChangedViews['instance'],
  files: { before: readonly InstanceFile[]; after: readonly InstanceFile[] },
): Promise<void> {
  const asked = async (list: readonly InstanceFile[]) =>
    listAskedKeys(list, await readInstanceFiles(services, list));
  const after = await asked(files.after);
  if (after.length === 0) return;

  const before = await asked(files.before);
  for await (const { instance, next } of eachOnTrack(services, message, changed)) {
    // A key that the files used before is missing with or without this change.
    const lacked = instance.track === next.track ? listMissingKeys(before, instance.metadata) : [];
    refuseMissing(instance, newlyMissing(lacked, listMissingKeys(after, next.metadata)));
  }
}

/** Refuses a change that moves a machine to a track that has no composition for this reason. */
export async function refuseArrivals(
  services: Services,
  message: ComposeMessage,
  changed: ChangedViews['instance'],
  reason: GantryError,
): Promise<void> {
  for await (const { instance, next } of eachOnTrack(services, message, changed)) {
    if (instance.track !== next.track) throw reason;
  }
}

/** The machines that are on the track after a change, as they are and as they would be. */
async function* eachOnTrack(
  { db }: Services,
  { account, template_id, track }: ComposeMessage,
  changed: ChangedViews['instance'],
): AsyncGenerator<{ instance: Instance; next: Instance }> {
  for await (const instance of eachInstanceOf(db, account, template_id)) {
    if (instance.state === 'decommissioned') continue;

    const next = changed(instance);
    if (next.track === track) yield { instance, next };
  }
}

/** The keys that a machine lacks after a change and did not lack before it. */
export function newlyMissing(before: readonly AskedKey[], after: readonly AskedKey[]): AskedKey[] {
  const lacked = new Set(before.map(({ key }) => key));
  return after.filter(({ key }) => !lacked.has(key));
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
