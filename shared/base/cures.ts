import type { ErrorCode } from './error-codes.ts';

/**
 * What helps against each code that rejects an artifact or keeps it waiting, by what gives the code: the judging of its
 * signatures, the registry, ingest. Its cause is the code's meaning. For docs/reference/verification.md (npm run generate)
 * and `gantry module why`.
 */
export const cures = {
  verify: {
    unsigned: 'sign the digest: `gantry module sign <ref>`, or `cosign sign` in the build',
    awaiting_signature:
      'sign it; it is asked again by itself. After 24 hours: sign it and ask for a poll (`gantry module poll`)',
    attestation_only: 'an attestation is no signature: sign the digest as well',
    identity_mismatch:
      'sign from the workflow or account that the registration names, or register that identity',
    issuer_mismatch:
      'sign with an identity of the issuer that the registration names, or register that issuer',
    key_mismatch: 'sign with a key that the registration trusts, or let it trust this one',
    digest_mismatch:
      'sign the digest that was pushed, after the push: a rebuilt artifact has another',
    claim_mismatch:
      'run the workflow from the repository, ref or trigger that the registration demands, or register other claims',
    attestation_missing:
      'attest with the same identity or key (`cosign attest --new-bundle-format`), type and builder as the registration demands',
    annotation_mismatch: 'sign with the annotation: `cosign sign -a name=value`',
    signature_invalid:
      'sign again; if it comes back, find out who changed the signature or the artifact in the registry',
    certificate_invalid:
      'sign with cosign and Fulcio, which makes certificates for signing code; only keys need no certificate',
    certificate_untrusted:
      'register the trusted_root.json of the Sigstore that signed; without one the public-good instance counts',
    certificate_expired:
      'sign again: a keyless certificate lives ten minutes, and the signature needs a trusted time within them',
    sct_missing: 'use a Fulcio with a certificate log: what no log has seen is not accepted',
    sct_invalid: 'register a trusted_root.json with the key of that certificate log (`ctlogs`)',
    tlog_missing:
      "sign with the transparency log (cosign's default), or register without `require_tlog`",
    tlog_invalid: 'sign again, or register a trusted_root.json with the key of that log (`tlogs`)',
    timestamp_missing:
      'sign with a timestamp authority (`--timestamp-server-url`): Rekor v2 says no time',
    timestamp_invalid:
      'register a trusted_root.json with that timestamp authority, or sign with one that it has',
    bundle_invalid:
      'sign with cosign 2.4 or later; something else was attached beside the artifact',
    payload_invalid: 'sign with cosign; what was signed does not name this artifact',
    predicate_type_mismatch: 'attest with the predicate type that is asked for',
    too_many_signatures:
      'delete old signatures of this digest in the registry, or sign a new digest',
    signature_too_large: 'delete it in the registry; real signatures have kilobytes',
    trusted_root_invalid:
      'register a trusted_root.json that can be read and has what the policy needs',
    key_invalid: 'register a public key that can be read (PEM, SPKI)',
    regexp_invalid: 'register regular expressions of RE2',
    mode_mismatch:
      'sign the way that the registration asks for, or register the key or identity that signed',
  },
  registry: {
    registry_unreachable:
      'see that the registry answers from where Gantry runs; it is asked again by itself',
    registry_timeout:
      'see how loaded the registry is; it is asked again by itself, ever more seldom',
    registry_unauthorized: 'give credentials that may read it: `gantry registry login <host>`',
    registry_not_found:
      'see whether the repository or tag is still there, and whether the credentials may see it',
    registry_rate_limited:
      'wait, it is asked again when the registry allows; credentials usually raise the limit',
    registry_error: "look into the registry's own log; it is asked again by itself",
    registry_response_invalid:
      'see whether the host is an OCI registry, and no proxy answers in its place',
    address_refused: 'allow the host where Gantry is deployed, if it is meant to be private',
    blob_digest_mismatch:
      'push again; what lies in the registry, or in between, is not what was signed',
    blob_size_mismatch: 'push again; the blob in the registry is cut off or was replaced',
    manifest_digest_mismatch:
      'push again; what lies in the registry, or in between, is not what was signed',
  },
  ingest: {
    artifact_invalid: 'build and push with `gantry module build` and `gantry module push`',
    manifest_too_large: 'push fewer platforms or annotations in one index',
    media_type_unsupported: 'push one tar layer a platform: `gantry module push`',
    layer_too_large: 'split the module',
    layer_entries_too_many: 'split the module',
    tar_malformed: 'build the archive with `gantry module build`',
    tar_truncated: 'push again, from a whole archive',
    tar_path_absolute: 'make paths relative, beginning with `./`',
    tar_path_traversal: 'ship files at the path where they belong',
    tar_path_through_symlink: 'ship the directory itself, or put the file where the symlink points',
    tar_path_not_utf8: 'rename the file',
    tar_path_too_long: 'shorten the path',
    tar_duplicate_entry: 'ship each path once; `./a` and `a` are the same',
    tar_unsorted: 'build with `gantry module build`, or GNU tar with `--sort=name`',
    tar_missing_parent: 'archive the directories as well as the files',
    tar_entry_unexpected: 'leave it out; files belong under `rootfs/`',
    tar_entry_type_unsupported: 'ship files, directories and links only',
    tar_device_refused: 'leave it out, or register with `allow_devices`',
    tar_hardlink_invalid: 'archive the file before the links to it',
    tar_sparse_refused: 'archive without `--sparse`',
    tar_xattr_invalid: 'remove the attribute before archiving',
    tar_manifest_missing: 'build with `gantry module build`',
    tar_digest_missing: 'build with `gantry module build`',
    ModuleManifestSchemaError:
      'mend the manifest: `gantry module validate` names each line and column',
    parent_module_mismatch: 'name the parent that is registered, or none',
    tree_invalid: 'remove from the archive what the message names; no composefs image can hold it',
    image_labels_missing: 'give the image the labels of a platform module, each one short line',
    module_id_mismatch:
      'build the image with the labels of this module and version, or push it to its own repository',
    name_mismatch:
      'give the manifest the name that is registered, or push to the repository of that module',
    composefs_digest_mismatch: 'build again: the files changed after the digest was made',
    carve_out_refused: 'register the module with variety config, or drop `carve_out`',
    version_exists: 'raise the version: a version string belongs to one digest for good',
    tag_moved: 'give the new artifact a tag of its own',
    policy_changed: 'wait: it is judged again by what the registration says now',
    signature_refused:
      'wait: it is verified again; should it stay, somebody changed stored signatures or rows, so look into that',
    tag_deleted: 'push the tag again; what no tag names is not taken in',
    platform_missing: 'push the index with a platform for each manifest',
  },
} as const satisfies Record<string, Partial<Record<ErrorCode, string>>>;

/** What helps against a code; null for a code that rejects no artifact. */
export function cureOf(code: string): string | null {
  const known: Record<string, string> = Object.assign({}, ...Object.values(cures));
  return Object.hasOwn(known, code) ? (known[code] ?? null) : null;
}
