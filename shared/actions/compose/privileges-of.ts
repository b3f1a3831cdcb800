import type { CompositionLayer, Privilege } from '../../domain/compose/index.ts';

export function privilegesOf(layers: readonly CompositionLayer[]): Privilege[] {
  return layers.flatMap(({ account, module, manifest }) =>
    manifest?.security?.privileged === true
      ? [{ module: `${account}/${module}`, sentence: 'It asks to run privileged.' }]
      : [],
  );
}
