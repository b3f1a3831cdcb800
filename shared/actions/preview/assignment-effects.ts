import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Trial } from '../../contract/preview/index.ts';
import type { LostFiles } from '../../domain/compose/index.ts';
import type { Change } from '../../domain/operations/index.ts';
import type { Assignment, Track } from '../../domain/templates/index.ts';
import { listAssignments } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { requireAssignment } from '../templates/index.ts';
import { composedTracks } from './composed-tracks.ts';
import { type ChangePreview, previewChange, previewChanges } from './preview-change.ts';

export interface AssignmentEffects {
  lost: LostFiles[];
  warnings: string[];
}

const { effectsEntriesMax } = limits;

const notLookedFor = `files that do not reach machines were not looked for, because the template has more than ${effectsEntriesMax} entries; preview the change to see them`;

type AssignmentTrial = Extract<Trial, { kind: 'assignment_add' | 'assignment_update' }>;

/**
 * What people should know of a new or changed assignment: files of its module that do not reach
 * machines, files of others that it drops, and tracks that have no version of it. A change that
 * cannot be composed has none: its operation says why. A template that is too large to compose
 * within the request has a warning instead.
 */
export async function readAssignmentEffects(
  services: Services,
  account: string,
  { template_id, change }: { template_id: string; change: AssignmentTrial },
): Promise<AssignmentEffects> {
  return collectEffects({
    modules: [change.module],
    tracks: await composedTracks(services, account, template_id),
    preview: (track) =>
      previewChange(services, account, { template_id, track, change }, effectsEntriesMax),
  });
}

/** The same for changes of several assignments that are applied together. */
export async function readChangesEffects(
  services: Services,
  account: string,
  { template_id, changes }: { template_id: string; changes: Change[] },
): Promise<AssignmentEffects> {
  if (changes.length === 0) return { lost: [], warnings: [] };
  const present = await listAssignments(services.db, account, template_id);
  const ids = changes.flatMap((one) =>
    one.kind === 'assignment_update' ? [one.assignment_id] : [],
  );

  return collectEffects({
    modules: [
      ...changes.flatMap((one) => (one.kind === 'assignment_add' ? [one.module] : [])),
      ...present.filter(({ id }) => ids.includes(id)).map(({ module }) => module),
    ],
    tracks: await composedTracks(services, account, template_id),
    preview: (track) =>
      previewChanges(services, account, { template_id, track, changes }, effectsEntriesMax),
  });
}

/** The effects on every track, each once. Other warnings of the template are left out. */
export async function collectEffects({
  modules,
  tracks,
  preview,
}: {
  modules: string[];
  tracks: Track[];
  preview: (track: Track) => Promise<ChangePreview>;
}): Promise<AssignmentEffects> {
  const lost = new Map<string, LostFiles>();
  const warnings = new Set<string>();
  const names = modules.map((module) => module.slice(module.indexOf('/') + 1));
  const patterns = names.map((name) => new RegExp(`/${name}(?![a-z0-9-])`));

  for (const track of tracks) {
    const found = await tryPreview(() => preview(track));
    if (found === 'too_large') warnings.add(notLookedFor);
    if (found === null || found === 'too_large') continue;

    for (const one of found.lost) lost.set(one.message, one);
    for (const one of found.warnings)
      if (patterns.some((pattern) => pattern.test(one))) warnings.add(one);
  }

  return { lost: [...lost.values()], warnings: [...warnings] };
}

/** The same for an assignment that is given by its id. */
export async function readUpdateEffects(
  services: Services,
  account: string,
  {
    id,
    ...set
  }: { id: string } & Partial<Pick<Assignment, 'constraint' | 'metadata' | 'effective_priority'>>,
): Promise<AssignmentEffects> {
  const { template_id, module } = await requireAssignment(services, account, id);
  const change = { kind: 'assignment_update', module, ...set } as const;
  return readAssignmentEffects(services, account, { template_id, change });
}

async function tryPreview(
  preview: () => Promise<ChangePreview>,
): Promise<ChangePreview | 'too_large' | null> {
  try {
    return await preview();
  } catch (error) {
    if (isGantryError(error, 'composition_too_large')) return 'too_large';
    if (!isGantryError(error)) throw error;
    return null;
  }
}
