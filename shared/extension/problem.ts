import { GantryError } from '../base/error.ts';
import { formatProblem, type ManifestProblem } from '../manifest/index.ts';

/**
 * The error for an unusable manifest of an extension. `problems`, also in `details`, holds all
 * errors and warnings in the order of the text. Its code is `unsupported_kind` for a manifest that
 * describes something else, and else `extension_manifest_invalid`.
 */
export class ExtensionManifestError extends GantryError {
  readonly problems: ManifestProblem[];

  constructor(
    code: 'extension_manifest_invalid' | 'unsupported_kind',
    problems: ManifestProblem[],
  ) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : '';

    super(
      code,
      `The manifest of the extension is invalid: ${first ? formatProblem(first) : 'no reason'}${more}`,
      { ...(first?.path ? { field: first.path } : {}), details: { problems } },
    );

    this.problems = problems;
  }
}
