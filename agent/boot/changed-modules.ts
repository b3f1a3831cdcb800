import { isDeepStrictEqual } from 'node:util';
import type { DesiredState } from '../../shared/contract/reconcile/index.ts';

/** `<account>/<module>` of each module that gives a root other files than it gave another root. */
export function changedModules(before: DesiredState | undefined, after: DesiredState): Set<string> {
  const [a, b] = [contributions(before), contributions(after)];
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Set([...names].filter((name) => !isDeepStrictEqual(a.get(name), b.get(name))));
}

/** What each module contributes: its layer with what is masked of it, and its rendered files. */
function contributions(state: DesiredState | undefined): Map<string, unknown> {
  if (state === undefined) return new Map();

  return new Map(
    state.layers.map(({ account, module, composefs_digest, priority, effective_mask }) => {
      const name = `${account}/${module}`;
      const rendered = state.rendered_files.filter((file) => file.module === name);
      return [name, { composefs_digest, priority, effective_mask, rendered }];
    }),
  );
}
