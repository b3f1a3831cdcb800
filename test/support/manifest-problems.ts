import {
  type ManifestProblem,
  ModuleManifestSchemaError,
  parseManifest,
} from '../../shared/manifest/index.ts';

/** The problems of a manifest that is refused. */
export function problemsOf(parse: () => unknown): ManifestProblem[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ModuleManifestSchemaError) return error.problems;
    throw error;
  }
  throw new Error('expected the manifest to be refused');
}

/** `line:column path message`, errors only, of a manifest that is refused. */
export function errorsOf(text: string, parse: (text: string) => unknown = parseManifest): string[] {
  return problemsOf(() => parse(text))
    .filter(({ severity }) => severity === 'error')
    .map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);
}
