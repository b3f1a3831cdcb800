import type { ErrorCode } from './error-codes.ts';

/**
 * How to fix each error that rejects an artifact or delays it, grouped by the source of the code:
 * signature verification, the registry, ingest. `gantry module why` prints the cure. `npm run
 * generate` copies the table to docs/reference/verify/verification.md, with the meaning of the code
 * as the cause.
 */
export const cures = {
  verify: {
    unsigned: 'Sign the digest: `gantry module sign <ref>`, or `cosign sign` in the build.',
    awaiting_signature:
      'Sign the digest. Gantry checks again for 24 hours; after that, run `gantry module poll`.',
    attestation_only: 'Sign the digest as well. An attestation is not a signature.',
    identity_mismatch:
      'Sign from the workflow or account that the registration names, or register the one that signed.',
    issuer_mismatch:
      'Sign with an identity of the issuer that the registration names, or register the other issuer.',
    key_mismatch: 'Sign with a key that the registration trusts, or add the key that signed.',
    digest_mismatch: 'Sign the pushed digest after the push. A new build has a different digest.',
    claim_mismatch:
      'Run the workflow from the repository, ref or trigger that the registration requires, or change the required claims.',
    attestation_missing:
      'Attest with the required type, builder and source, by the same identity or key: `gantry module attest` or `cosign attest`.',
    annotation_mismatch: 'Sign with the annotation: `cosign sign -a name=value`.',
    signature_invalid:
      'Sign again. If the error returns, find out who changed the signature or artifact in the registry.',
    certificate_invalid:
      'Sign with cosign and Fulcio, which issues code signing certificates. Key signatures need no certificate.',
    certificate_untrusted:
      'Register the trusted_root.json of the Sigstore that signed. The default is the public-good trust root.',
    certificate_expired:
      'Sign again. A keyless certificate is valid for ten minutes. The signature needs a trusted time within them.',
    sct_missing: 'Use a Fulcio that submits its certificates to a certificate log.',
    sct_invalid:
      'Register a trusted_root.json that has the key of this certificate log under `ctlogs`.',
    tlog_missing:
      'Sign with the transparency log, which cosign uses by default, or register without `require_tlog`.',
    tlog_invalid:
      'Sign again, or register a trusted_root.json that has the key of this log under `tlogs`.',
    timestamp_missing:
      'Sign with a timestamp authority (`--timestamp-server-url`). Rekor v2 does not give a trusted time.',
    timestamp_invalid:
      'Sign with a timestamp authority of the trust root, or register a trusted_root.json that has this one.',
    bundle_invalid: 'Sign with cosign 2.4 or later. The attachment is something else.',
    payload_invalid: 'Sign with cosign. The signed payload does not name this artifact.',
    predicate_type_mismatch: 'Attest with the requested predicate type.',
    too_many_signatures:
      'Delete old signatures of this digest in the registry, or sign a new digest.',
    signature_too_large:
      'Delete the signature in the registry. Real signatures are a few kilobytes long.',
    trusted_root_invalid: 'Register a readable trusted_root.json that has what the policy needs.',
    key_invalid: 'Register a readable public key (PEM, SPKI).',
    regexp_invalid: 'Register regular expressions in RE2 syntax.',
    mode_mismatch:
      'Sign with the method that the registration requires, or register the key or identity that signed.',
  },
  registry: {
    registry_unreachable: 'Check that Gantry can reach the registry. Gantry retries automatically.',
    registry_timeout:
      'Check the load of the registry. Gantry retries automatically at growing intervals.',
    registry_unauthorized:
      'Store credentials that can read the repository: `gantry registry login <host>`.',
    registry_not_found:
      'Check that the repository and tag exist and that the credentials can read them.',
    registry_rate_limited: 'Wait until Gantry retries. Credentials usually raise the limit.',
    registry_error: 'Check the log of the registry. Gantry retries automatically.',
    registry_response_invalid:
      'Check that the host is an OCI registry and that no proxy responds in its place.',
    address_refused:
      'Add the host to the allow-list of the deployment if it is private on purpose.',
    blob_digest_mismatch:
      'Push again. The registry, or a proxy in between, returns other bytes than were signed.',
    blob_size_mismatch: 'Push again. The blob in the registry is truncated or was replaced.',
    manifest_digest_mismatch:
      'Push again. The registry, or a proxy in between, returns other bytes than were signed.',
  },
  ingest: {
    artifact_invalid:
      'Build and push with `gantry module build` and `gantry module push`, or an image with a current docker or buildah.',
    manifest_too_large: 'Push fewer platforms or annotations in one index.',
    media_type_unsupported:
      'Push one tar layer for each platform: `gantry module push`. An image gets layers of its own by `buildah from <image>` and `buildah commit --squash`.',
    layer_too_large: 'Split the module.',
    layer_entries_too_many: 'Split the module.',
    tar_malformed:
      'Archive again: GNU tar `--format=posix` without `--label`, `--acls` and `--selinux`, or bsdtar `--format=pax --no-acls`. `gantry module build` does it right.',
    tar_truncated:
      'Push again from a complete archive. A program must close the archive, which writes two blocks of zeros.',
    tar_path_absolute: 'Use relative paths: `tar -C <directory> rootfs`, without `-P`.',
    tar_path_traversal:
      'Use paths without `.` and `..` within them: `tar -C <directory> rootfs`, without `-P`.',
    tar_path_through_symlink:
      'Ship the directory itself, or put the file where the symlink points. `buildah commit --squash` does that in an image.',
    tar_path_not_utf8: 'Rename the file. `convmv` renames many.',
    tar_path_too_long: 'Shorten the path.',
    tar_duplicate_entry:
      'Ship each path once; `./a` and `a` are the same path. Create the archive again instead of appending to it (`tar -r`).',
    tar_unsorted: 'Build with `gantry module build`, or with GNU tar and `--sort=name`.',
    tar_missing_parent:
      'Archive the directories as well as the files: name `rootfs` alone, or set `create_parents` in Bazel’s `pkg_tar`.',
    tar_entry_unexpected:
      'Remove the entry. Name what to archive: `manifest.json composefs-digest rootfs`. On macOS add `--no-mac-metadata`.',
    tar_entry_type_unsupported:
      'Ship files, directories and links only: GNU tar without `--listed-incremental` and `--multi-volume`.',
    tar_device_refused: 'Remove the device node, or register with `allow_devices`.',
    tar_hardlink_invalid:
      'Archive each link as a file: GNU tar `--hard-dereference`, or archive a copy made by `rsync -a`.',
    tar_sparse_refused:
      'Archive whole files: GNU tar without `--sparse`, bsdtar with `--no-read-sparse`.',
    tar_xattr_invalid:
      'Archive without the attribute: GNU tar `--xattrs-exclude=<name>`, bsdtar `--no-xattrs`.',
    tar_manifest_missing: 'Build with `gantry module build`.',
    tar_digest_missing: 'Build with `gantry module build`.',
    ModuleManifestSchemaError:
      'Correct the manifest. `gantry module validate` names each line and column.',
    parent_module_mismatch:
      'Set `parent_module` to the registered parent, or remove it if none is registered.',
    tree_invalid: 'Remove the entry that the message names from the archive.',
    image_labels_missing:
      'Push a module for machines as a tar (gantry module push), not as an image. Add the labels of a platform module to its image: each is one short line.',
    module_id_mismatch:
      'Build the image with the labels of this module and version, or push it to its own repository.',
    name_mismatch:
      'Set `name` of the manifest to the registered name, or push to the repository of the other module.',
    composefs_digest_mismatch: 'Build again. The files changed after the digest was computed.',
    carve_out_refused: 'Register the module with variety `config`, or remove `carve_out`.',
    version_exists: 'Raise the version. A version string belongs to one digest permanently.',
    tag_moved: 'Give the new artifact its own tag.',
    policy_changed: 'Wait. Gantry verifies the signatures again with the current registration.',
    signature_refused:
      'Wait for the next verification. If the error persists, find out who changed stored signatures or records.',
    tag_deleted: 'Push the tag again. Gantry does not ingest a digest without a tag.',
    tag_of_build: 'Look for the version with the digest of the index.',
    platform_missing: 'Push the index with a platform for each manifest.',
  },
} as const satisfies Record<string, Partial<Record<ErrorCode, string>>>;

/** Returns how to fix the error; null for a code that does not reject artifacts. */
export function cureOf(code: string): string | null {
  const known: Record<string, string> = Object.assign({}, ...Object.values(cures));
  return Object.hasOwn(known, code) ? (known[code] ?? null) : null;
}
