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
} as const;
