/** The error codes of extensions, as `errors` of error-codes.ts has them. */
export const extensionErrors = {
  extension_manifest_invalid: [
    422,
    'The manifest of an extension has errors. Each is listed with its line, column and key path.',
  ],
  unsupported_kind: [
    422,
    'The manifest describes another kind than OrchestratorExtension, the only one that Gantry imports.',
  ],
  manifest_ambiguous: [
    422,
    'The extension has a manifest.yaml and a manifest.yml. Delete one of them.',
  ],
  manifest_missing: [422, 'The root of the extension has no manifest.yaml or manifest.yml.'],
  archive_invalid: [422, 'The bytes are no zip or tar.gz that can be read.'],
  archive_unsafe: [
    422,
    'An entry of the archive leads out of it, is a special file, or has the name of another one.',
  ],
  archive_too_large: [422, 'The archive has more bytes or entries than an extension may have.'],
} as const;
