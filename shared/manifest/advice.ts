import type { ManifestFinding } from './problem.ts';
import type { ModuleManifest } from './schema.ts';

const globLists = ['file_spec', 'mask', 'protected_spec'] as const;

/** Warnings about globs that rsync accepts but that never do what their author intended. */
export function adviseOnGlobs(manifest: ModuleManifest): ManifestFinding[] {
  return globLists.flatMap((list) =>
    manifest[list].flatMap((glob, index): ManifestFinding[] => {
      const message =
        explainNoMatch(glob) ?? (list === 'file_spec' ? explainNoFile(glob) : undefined);
      return message === undefined ? [] : [{ severity: 'warning', path: [list, index], message }];
    }),
  );
}

/** Warnings about environment variables of names that systemd leaves out (systemd.exec(5)). */
export function adviseOnVariables({ services = [] }: ModuleManifest): ManifestFinding[] {
  return services.flatMap(({ env = {} }, index) =>
    Object.keys(env)
      .filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      .map((name): ManifestFinding => {
        const message =
          'systemd leaves it out: the name has other characters than letters, digits and "_", or begins with a digit';
        return { severity: 'warning', path: ['services', index, 'env', name], message };
      }),
  );
}

function explainNoMatch(glob: string): string | undefined {
  const components = glob.replace(/^\//, '').replace(/\/$/, '').split('/');
  const odd = components.find((component) => component === '' || component === '.');
  return odd === undefined ? undefined : `matches nothing: no path has the component "${odd}"`;
}

function explainNoFile(glob: string): string | undefined {
  if (!glob.endsWith('/')) return undefined;
  return `selects no file: a trailing "/" matches directories only; write "${glob}**" for what is below`;
}
