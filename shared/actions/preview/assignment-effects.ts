import { isGantryError } from '../../base/error.ts';
import type { Trial } from '../../contract/preview/index.ts';
import type { LostFiles } from '../../domain/compose/index.ts';
import type { Assignment, Track } from '../../domain/templates/index.ts';
import type { Services } from '../context/index.ts';
import { requireAssignment } from '../templates/index.ts';
import { composedTracks } from './composed-tracks.ts';
import { type ChangePreview, previewChange } from './preview-change.ts';

export interface AssignmentEffects {
  lost: LostFiles[];
  warnings: string[];
}

type AssignmentTrial = Extract<Trial, { kind: 'assignment_add' | 'assignment_update' }>;

/**
 * What people should know of a new or changed assignment: files of its module that do not reach
 * machines, files of others that it drops, and tracks that have no version of it. A change that
 * cannot be composed has none: its operation says why.
 */
export async function readAssignmentEffects(
  services: Services,
  account: string,
  { template_id, change }: { template_id: string; change: AssignmentTrial },
): Promise<AssignmentEffects> {
  const lost = new Map<string, LostFiles>();
  const warnings = new Set<string>();
  const name = change.module.slice(change.module.indexOf('/') + 1);
  const named = new RegExp(`/${name}(?![a-z0-9-])`);

  for (const track of await composedTracks(services, account, template_id)) {
    const preview = await tryPreview(services, account, { template_id, track, change });
    for (const one of preview?.lost ?? []) lost.set(one.message, one);
    for (const one of preview?.warnings ?? []) if (named.test(one)) warnings.add(one);
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
  services: Services,
  account: string,
  asked: { template_id: string; track: Track; change: Trial },
): Promise<ChangePreview | null> {
  try {
    return await previewChange(services, account, asked);
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return null;
  }
}
