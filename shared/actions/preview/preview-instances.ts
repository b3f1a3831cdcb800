import { isDeepStrictEqual } from 'node:util';
import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  compareRendered,
  listAskedKeys,
  listMissingKeys,
  type Rendering,
  renderInstanceFiles,
} from '../../composition/index.ts';
import type { InstanceChange, InstanceChanges } from '../../domain/compose/index.ts';
import type { Instance } from '../../domain/machines/index.ts';
import type { Metadata, Track } from '../../domain/templates/index.ts';
import { walkInstances } from '../../store/machines/index.ts';
import { newlyMissing } from '../compose/index.ts';
import { type InstanceFile, readInstanceFiles } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';

type Files = Omit<Rendering, 'metadata'>;

/** The files that machines are rendered from, before a change and after it. */
export interface FilesOf {
  before: InstanceFile[];
  after: InstanceFile[];
}

/**
 * Returns the effects of a change of a template on the rendered files of the first machines on a
 * track.
 */
export async function previewInstances(
  services: Services,
  where: { account: string; template_id: string; track: Track },
  files: FilesOf,
): Promise<InstanceChanges> {
  if (files.before.length + files.after.length === 0)
    return { examined: 0, more: false, changed: [] };

  const { instances, more } = await someInstances(services, where);
  const preview = await previewerOf(services, files);
  const changed = instances.flatMap((instance) => preview(instance, instance.metadata) ?? []);

  return { examined: instances.length, more, changed };
}

/** Returns the effects of a change of one machine's metadata or track. */
export async function previewInstance(
  services: Services,
  instance: Instance,
  { metadata, track }: { metadata: Metadata; track: Track },
  files: FilesOf,
): Promise<InstanceChanges> {
  const preview = await previewerOf(services, files);
  return { examined: 1, more: false, changed: [preview(instance, metadata, track) ?? []].flat() };
}

async function someInstances(
  { db }: Services,
  { account, template_id, track }: { account: string; template_id: string; track: Track },
): Promise<{ instances: Instance[]; more: boolean }> {
  const { instances, next } = await walkInstances(
    db,
    { account, template_id },
    { limit: limits.previewInstancesRead, place: '' },
  );

  const wanted = instances.filter((one) => one.track === track && one.state !== 'decommissioned');
  const some = wanted.slice(0, limits.previewInstancesMax);
  return { instances: some, more: next !== null || some.length < wanted.length };
}

/**
 * Returns a function that compares one machine at a time; one bound holds for the rows and diff
 * lines of all machines.
 */
async function previewerOf(
  services: Services,
  { before, after }: FilesOf,
): Promise<(instance: Instance, metadata: Metadata, track?: Track) => InstanceChange | null> {
  const old = await contentsOf(services, before);
  const fresh = isDeepStrictEqual(before, after) ? old : await contentsOf(services, after);
  let rowsLeft = limits.previewListMax;
  let linesLeft = limits.previewListMax;

  return (instance, metadata, track = instance.track) => {
    const differs = !isDeepStrictEqual(instance.metadata, metadata);
    if (!differs && fresh === old) return null;

    const from = { ...old, metadata: instance.metadata };
    const to = { ...fresh, metadata };
    const all = compareRendered(from, to, { diffLinesMax: linesLeft });
    const error = errorOf(track === instance.track ? from : null, to);
    if (all.length === 0 && error === null && !differs) return null;

    const files = all.slice(0, rowsLeft);
    rowsLeft -= files.length;
    linesLeft -= files.reduce((sum, { diff }) => sum + (diff?.length ?? 0), 0);

    return {
      instance_id: instance.id,
      name: instance.name,
      metadata: differs ? { before: instance.metadata, after: metadata } : null,
      files,
      files_changed: all.length,
      error,
    };
  };
}

async function contentsOf(services: Services, files: InstanceFile[]): Promise<Files> {
  return { files, contents: await readInstanceFiles(services, files) };
}

/**
 * Why reconcile would sign no desired state for the machine. `from` is null if the machine changes
 * its track.
 */
function errorOf(from: Rendering | null, to: Rendering): InstanceChange['error'] {
  const lacking = ({ files, contents, metadata }: Rendering) =>
    listMissingKeys(listAskedKeys(files, contents), metadata);
  try {
    renderInstanceFiles(to.files, to.contents, to.metadata);
    return null;
  } catch (error) {
    if (!isGantryError(error, 'instance_metadata_missing')) throw error;
    const refuses = newlyMissing(from === null ? [] : lacking(from), lacking(to)).length > 0;
    return { code: error.code, message: error.message, refuses };
  }
}
