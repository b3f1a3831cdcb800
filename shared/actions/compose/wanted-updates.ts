import type { ComposeMessage } from '../../contract/messages.ts';
import { type LayerName, viewOf, type WantedUpdate } from '../../domain/compose/index.ts';
import { compareVersions } from '../../domain/modules/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import { getTemplate, listAssignments } from '../../store/templates/index.ts';
import { recordInPlace } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';
import { isRefusal } from './composition-refusal.ts';
import type { Choice } from './known-modules.ts';
import { resolveView } from './resolve-view.ts';

/**
 * The versions of other accounts' modules that would replace those which a template is pinned to:
 * what the template would resolve to without pins. An older version counts only if the pinned one
 * is withheld. Returns null if that cannot be said now: nothing is composed yet, or the versions
 * without pins do not go together.
 */
export async function wantedUpdates(
  services: Services,
  { account, template_id, track }: ComposeMessage,
): Promise<ReadonlyMap<LayerName, WantedUpdate> | null> {
  const { db } = services;
  const template = await getTemplate(db, account, template_id);
  const composition = await getComposition(db, account, template_id, track);
  const record = await recordInPlace(services, composition);
  if (template === null || record === null) return null;

  const previous = record.resolution;
  const foreign = Object.keys(previous.modules).some((name) => !name.startsWith(`${account}/`));
  if (!foreign) return new Map();

  const view = viewOf(template, await listAssignments(db, account, template_id));
  try {
    const { modules, pins, resolved } = await resolveView(services, view, {
      track,
      previous,
      unpinned: true,
    });

    return new Map(
      resolved.modules.flatMap(({ module, choice }): [LayerName, WantedUpdate][] => {
        const pin = pins.get(module);
        if (pin === undefined || choice.id === pin) return [];
        if (staysBefore(choice, pin, modules.known.get(module)?.choices ?? [])) return [];
        return [[module, { from_version_id: pin, version_id: choice.id }]];
      }),
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return null;
  }
}

/** Whether a template stays with its pinned version although another one would be chosen. */
function staysBefore(choice: Choice, pin: string, choices: readonly Choice[]): boolean {
  const pinned = choices.find(({ id }) => id === pin);
  if (pinned === undefined || pinned.standing === 'withheld') return false;
  return compareVersions(pinned.of, choice.of) > 0;
}
