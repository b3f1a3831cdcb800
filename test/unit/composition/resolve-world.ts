import type {
  ResolutionInput,
  Standing,
  VersionChoice,
} from '../../../shared/composition/index.ts';
import { splitProvided } from '../../../shared/domain/modules/index.ts';

export interface Choice extends VersionChoice {
  requires: string[];
}

/**
 * Module → version (`1.0.0 superseded` gives the standing too, `1.0.0 pinned` pins it) → what it
 * requires, and `provides <name>`; the newest version first.
 */
export type World = Record<string, Record<string, string[]>>;

function requirement(text: string) {
  const [module = '', constraint = null] = text.split('@');
  return { module, constraint };
}

const provided = 'provides ';

/** The world as the resolution asks for it, every module of it visible. */
export function inputOf(world: World, assigned: string[]): ResolutionInput<Choice> {
  const modules = new Map<string, Choice[]>();
  for (const [module, versions] of Object.entries(world)) {
    const choices = Object.entries(versions).map(([text, requires]): Choice => {
      const [version_string = '', ...words] = text.split(' ');
      const pinned = words.includes('pinned');
      const standing = words.find((word) => word !== 'pinned') ?? 'offered';
      return {
        id: `${module}@${version_string}`,
        version_string,
        standing: standing as Standing,
        ...(pinned ? { pinned } : {}),
        requires,
      };
    });
    modules.set(module, choices);
  }

  return {
    account: 'acme',
    assigned: assigned.map(requirement),
    available: (module) => modules.get(module) ?? null,
    requires: (choice) =>
      choice.requires.filter((text) => !text.startsWith(provided)).map(requirement),
    provides: (choice) =>
      choice.requires.flatMap((text) =>
        text.startsWith(provided) ? [splitProvided(text.slice(provided.length))] : [],
      ),
    providers: (_capability, account) =>
      [...modules.keys()].filter((module) => module.startsWith(`${account}/`)),
  };
}
