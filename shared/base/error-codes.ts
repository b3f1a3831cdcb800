import { buildErrors } from './build-error-codes.ts';
import { commandErrors } from './command-error-codes.ts';
import { composeErrors } from './compose-error-codes.ts';
import { extensionErrors } from './extension-error-codes.ts';

/**
 * Every error code with its HTTP status and its meaning. Statuses are chosen only here. `npm run
 * generate` copies the meanings to docs/reference/errors.md. Codes are part of the public contract:
 * add new ones, never rename one.
 */
const errors = {
  // callers
  invalid_request: [
    400,
    'The body, a query parameter or a header does not match its schema. `field` names it.',
  ],
  invalid_cursor: [400, 'The cursor does not come from a page of this list.'],
  unauthenticated: [401, 'The token or agent credential is missing, unknown, revoked or expired.'],
  dpop_invalid: [
    401,
    'The DPoP proof is missing, malformed or stale, or was made for another request or key.',
  ],
  dpop_replayed: [401, 'The DPoP proof was used before.'],
  hook_refused: [401, 'The webhook secret is missing or wrong, or no such webhook exists.'],
  forbidden: [403, 'The caller lacks the required role.'],
  not_found: [404, 'The account has no such object.'],
  already_exists: [409, 'The name or id is taken.'],
  account_creating: [
    409,
    'The account was requested and is not made yet. Gantry tries again by itself, for a day.',
  ],
  conflict: [409, 'Another request changed the record first. Read it again and retry.'],
  idempotency_conflict: [409, 'The Idempotency-Key was used before with a different body.'],
  method_not_allowed: [
    405,
    'The path has no such method. The header Allow names those that it has.',
  ],
  content_type_unsupported: [415, 'The body is not declared as application/json.'],
  precondition_failed: [412, 'A condition of the request does not hold.'],
  payload_too_large: [413, 'The body exceeds the size limit.'],
  document_too_large: [422, 'The document is larger than a response. Read it by its URL.'],
  too_large: [422, 'A field holds more bytes than its record can keep. Shorten it.'],
  internal: [500, 'Gantry failed. Search the logs for the request id.'],
  message_unsupported: [422, 'A stage received a message in a format that it does not know.'],
  schema_unknown: [503, 'A newer release wrote the record. Retry after the deployment.'],
  unavailable: [503, 'Gantry, or a service that it needs, does not respond. Retry later.'],

  // registration and manifests
  ModuleManifestSchemaError: [
    422,
    'The module manifest has errors. Each is listed with its line, column and key path.',
  ],
  glob_invalid: [422, 'A glob has a syntax error.'],
  glob_too_complex: [
    422,
    'Globs have too many wildcards to compare with each other, or to match against this many paths.',
  ],
  requirement_invalid: [
    422,
    'A requirement does not have the form <account>/<module>@<semver range>.',
  ],
  regexp_invalid: [422, 'A regular expression is not valid RE2.'],
  regexp_unanchored: [
    422,
    'An identity or issuer regexp does not start with ^ or does not end with $.',
  ],
  policy_changed: [
    409,
    'The trust policy changed after the signatures were verified. Gantry verifies them again.',
  ],
  policy_missing: [
    422,
    'The registration names no trusted signer, or an identity without an issuer, or the reverse.',
  ],
  key_invalid: [422, 'A key cannot be read, or its type is not supported.'],
  trusted_root_invalid: [
    422,
    '`trusted_root` is not a Sigstore trusted_root.json, or lacks what the policy needs.',
  ],
  trust_root_unreachable: [502, 'The mirror of the public-good trust root does not respond.'],
  trust_root_refused: [422, 'The public-good trust root failed TUF verification.'],
  reference_invalid: [422, 'A reference is not an OCI reference of the expected form.'],
  category_unknown: [422, 'The account has no such category.'],
  parent_module_mismatch: [422, '`parent_module` of the manifest differs from the registration.'],
  reservation_unknown: [
    422,
    'No version requests the pattern in its protected_spec, or the pattern to revoke was never granted.',
  ],

  // verify: why a signature does not count
  unsigned: [422, 'The artifact has no signature.'],
  awaiting_signature: [422, 'The artifact has no signature yet. Gantry checks again for 24 hours.'],
  attestation_only: [422, 'The artifact has attestations but no signature.'],
  identity_mismatch: [422, 'No identity regexp matches the identity in the certificate.'],
  issuer_mismatch: [422, 'No issuer regexp matches the issuer in the certificate.'],
  key_mismatch: [422, 'The signature was made with a key that is not trusted.'],
  digest_mismatch: [422, 'The signature is for a different digest.'],
  claim_mismatch: [422, 'The workflow claims of the certificate do not match the policy.'],
  attestation_missing: [
    422,
    'The artifact is signed but lacks an attestation that the policy requires.',
  ],
  annotation_mismatch: [422, 'The signature lacks a required annotation.'],
  signature_invalid: [422, 'The signature does not verify.'],
  certificate_invalid: [
    422,
    'The certificate cannot be read, or is not a code signing certificate.',
  ],
  certificate_untrusted: [422, 'The certificate does not chain to the trust root.'],
  certificate_expired: [422, 'The certificate was not valid at the time of signing.'],
  sct_missing: [422, 'The certificate has no signed certificate timestamp (SCT).'],
  sct_invalid: [422, 'The signed certificate timestamp (SCT) does not verify.'],
  tlog_missing: [422, 'The signature has no transparency log entry, which the policy requires.'],
  tlog_invalid: [422, 'The transparency log entry does not verify, or is for another signature.'],
  timestamp_missing: [422, 'The signature has no trusted time of signing.'],
  timestamp_invalid: [422, 'The signed timestamp does not verify.'],
  bundle_invalid: [422, 'The attachment is not a readable Sigstore bundle.'],
  payload_invalid: [422, 'The signed payload is not a statement of the expected form.'],
  predicate_type_mismatch: [422, 'The attestation does not have the requested predicate type.'],
  too_many_signatures: [422, 'The artifact has more signatures than Gantry reads.'],
  signature_too_large: [422, 'A signature exceeds the size limit.'],
  mode_mismatch: [422, 'The signature is keyless and the policy requires keys, or the reverse.'],

  // registry
  registry_unreachable: [502, 'Gantry cannot connect to the registry, or the connection broke.'],
  registry_timeout: [504, 'The registry did not respond in time, or stopped sending.'],
  registry_unauthorized: [502, 'The registry or its token service refused the credentials.'],
  registry_not_found: [404, 'The registry has no such repository, tag or digest.'],
  registry_rate_limited: [503, 'The registry limits the request rate. Retry later.'],
  registry_error: [502, 'The registry returned an error.'],
  registry_response_invalid: [
    502,
    'The registry returned a response that violates the OCI specification.',
  ],
  address_refused: [422, 'The host is private or not https, and is not on the allow-list.'],
  blob_digest_mismatch: [422, 'The bytes of a blob do not match the requested digest.'],
  blob_size_mismatch: [422, 'A blob is longer or shorter than its descriptor says.'],
  manifest_digest_mismatch: [
    422,
    'The bytes of an OCI manifest do not match the requested digest.',
  ],

  // ingest
  artifact_invalid: [422, 'The artifact is not a valid module.'],
  manifest_too_large: [422, 'An OCI manifest exceeds the size limit.'],
  media_type_unsupported: [
    422,
    'The artifact does not consist of one tar layer, or has an unsupported media type.',
  ],
  layer_too_large: [
    422,
    'The layer, its paths and attributes, or its unpacked files exceed the size limit.',
  ],
  layer_entries_too_many: [422, 'The layer has too many entries.'],
  tar_malformed: [422, 'The archive is not a valid tar.'],
  tar_truncated: [422, 'The archive ends too early.'],
  tar_path_absolute: [422, 'An entry has an absolute path.'],
  tar_path_traversal: [422, 'An entry has `..` in its path.'],
  tar_path_through_symlink: [422, 'The parent of an entry is a symlink or is not a directory.'],
  tar_path_not_utf8: [422, 'The name of an entry is not UTF-8.'],
  tar_path_too_long: [422, 'The path or link target of an entry exceeds the Linux limit.'],
  tar_duplicate_entry: [422, 'Two entries have the same path.'],
  tar_unsorted: [422, 'The entries are not in byte order.'],
  tar_missing_parent: [422, 'The archive lacks the parent directory of an entry.'],
  tar_entry_unexpected: [422, 'The archive has an entry that does not belong in module.tar.'],
  tar_entry_type_unsupported: [422, 'An entry has a type that modules cannot ship.'],
  tar_device_refused: [
    422,
    'An entry is a device node, and the registration does not allow devices.',
  ],
  tar_hardlink_invalid: [422, 'A hard link does not point to an earlier entry of the archive.'],
  tar_sparse_refused: [422, 'An entry is a sparse file.'],
  tar_xattr_invalid: [422, 'An entry has an extended attribute that Gantry cannot keep.'],
  tar_manifest_missing: [422, 'The archive has no manifest.json.'],
  tar_digest_missing: [
    422,
    'The archive has no composefs-digest, or the file does not hold a digest.',
  ],
  image_labels_missing: [422, 'The image lacks the labels of a platform module.'],
  module_id_mismatch: [
    422,
    'The labels of the image name a different module or version than its repository and tag.',
  ],
  name_mismatch: [422, '`name` of the manifest differs from the name of the module.'],
  composefs_digest_mismatch: [
    422,
    'The composefs digest of the tree differs from the one in the archive.',
  ],
  carve_out_refused: [422, 'The module uses `carve_out`, but its variety is not `config`.'],
  version_exists: [409, 'The version string already belongs to another digest.'],
  tag_moved: [
    409,
    'A tag moved to another digest. Gantry keeps the version, but does not ingest a digest without a tag.',
  ],
  tag_deleted: [409, 'The last tag of the digest was deleted before the digest became a version.'],
  tag_of_build: [
    409,
    'The digest is one build of an index. The index is the version, and the tag is one of its tags.',
  ],
  platform_missing: [422, 'An image index has a manifest without a platform.'],

  // composefs
  dump_invalid: [422, 'A composefs dump has a syntax error. The message names the line.'],
  image_invalid: [422, 'The file is not a composefs image.'],
  tree_invalid: [422, 'The file tree does not fit in a composefs image.'],

  // compose
  ...composeErrors,

  // promote
  promotion_state_invalid: [
    409,
    'The version cannot move to the requested state from its current state.',
  ],
  module_archived: [
    409,
    'The module is archived: it is not polled and cannot be assigned. Unarchive it first.',
  ],
  modules_too_many: [
    409,
    'The account polls as many modules as it may. Archive or delete one that is no longer needed.',
  ],
  in_use: [
    409,
    'The object is in use and cannot be removed. The message names where, and how to remove it.',
  ],
  operation_raced: [409, 'Another request changed the version, module or template first.'],
  rollback_impossible: [
    409,
    'The module has no live version, or no version that a rollback may make live again.',
  ],
  version_held: [409, 'A rollback replaced the version. Release it first.'],
  version_quarantined: [
    409,
    'The version is quarantined. It can only be retired or go back to built, and no other machine gets it.',
  ],
  policy_denied: [403, 'The intervention policy of the account denies the action.'],
  frozen: [
    409,
    'A freeze window of the policy is in force. The message says when it ends; nothing is applied before.',
  ],
  soak_unfinished: [
    409,
    'The version was not long enough in the state before. The message says when it will have been.',
  ],
  approval_required: [
    403,
    'The action needs approval. It was not approved, or no reviewer can approve it.',
  ],
  approval_expired: [410, 'No decision was made in time.'],
  approval_withdrawn: [410, 'The operation was withdrawn.'],
  approval_decided: [409, 'The approval is already decided, or you already decided on it.'],
  invitation_invalid: [
    403,
    'The invitation was used, cancelled, replaced or changed, or has expired. An admin sends another.',
  ],
  quorum_unmeetable: [
    409,
    'The account would have fewer reviewers than a policy needs. The message names the policies.',
  ],
  approval_link_invalid: [
    403,
    'The link was not sent by Gantry, or its recipient is no longer a reviewer.',
  ],
  confirmation_wrong: [
    400,
    'The reviewer did not type what the page of the approval link shows. Nothing was decided.',
  ],
  approval_link_used: [410, 'The link was used and the decision is recorded.'],
  self_approval: [
    403,
    'The person who requested the operation, or whom it lets decide more, cannot approve it.',
  ],
  execution_died: [500, 'The execution of the operation failed too often. Request it again.'],

  // reconcile
  join_token_invalid: [401, 'The join token is not the current one of the instance.'],
  join_token_used: [401, 'The join token was already used.'],
  join_token_expired: [401, 'The join token is older than 24 hours.'],
  instance_decommissioned: [
    410,
    'The instance is decommissioned. Its agent deletes its key and secrets.',
  ],
  credential_reused: [
    401,
    'The agent credential was used from two places and is revoked. Enrol again with a new join token.',
  ],
  desired_state_signature_invalid: [
    422,
    'The desired state is not signed by a key of the account root.',
  ],
  desired_state_version_rollback: [
    422,
    'The desired state is older than one that the agent already has.',
  ],
  desired_state_expired: [
    422,
    'The desired state has expired. The machine keeps its root file system.',
  ],
  clock_skew: [
    422,
    'The clock of the machine is off by over a minute, so a desired state may expire too early.',
  ],
  desired_state_foreign: [422, 'The desired state belongs to another account or instance.'],
  desired_state_invalid: [422, 'The desired state cannot be read or laid out.'],
  root_untrusted: [
    422,
    'The account root is neither the pinned one nor a later one of its root chain.',
  ],
  root_change_invalid: [
    422,
    'The change of the account root has no effect, or the new root could not be signed.',
  ],
  director_key_lost: [
    409,
    'KMS can no longer use the director key, and the account root has too few offline keys to replace its signature.',
  ],
  root_signature_invalid: [
    422,
    'The signature was made with an unknown key, or does not verify for the proposed root.',
  ],
  root_proposal_open: [
    409,
    'Another change of the account root awaits signatures. Sign or withdraw it first.',
  ],
  layer_mismatch: [422, 'A layer or its manifest is not the one in the desired state.'],
  composition_mismatch: [
    422,
    'The machine computed a composition other than the one in the desired state.',
  ],
  agent_too_old: [
    409,
    'The composition has a generated layer that only a newer agent can make. Upgrade the agent of the machine.',
  ],
  store_tampered: [
    422,
    'The content of an object in the store of the machine does not match its name.',
  ],
  root_tampered: [422, 'The root file system of the machine differs from the one laid out.'],
  mount_found: [
    409,
    'A file system is mounted where the agent would remove or move files. Unmount it first.',
  ],
  mount_busy: [409, 'A former root is in use, so the agent cannot unmount it. Stop what uses it.'],
  machine_data_unmoved: [
    409,
    'Data that an earlier agent kept in a generation cannot be moved out of it.',
  ],
  unit_foreign: [
    409,
    'The machine has a unit with the name of a service, and this agent did not make it.',
  ],
  service_failed: [
    502,
    'A service of the machine does not run. The message has its last journal lines.',
  ],
  probe_failed: [502, 'A service does not pass its health check, or a command is not at its path.'],
  rolled_back: [
    409,
    'A new root failed its checks, so the last good one runs. It is not tried again until it changes.',
  ],
  rollback_held: [
    409,
    'A person went back to an earlier root. It stays until the desired state changes or the rollback ends.',
  ],
  pending_reboot: [409, 'The new root takes effect at the next boot of the machine.'],
  signature_refused: [422, 'No author signature satisfies both the signed and the local policy.'],

  ...extensionErrors,

  // command line, set-up and signing
  ...commandErrors,
  ...buildErrors,
} as const;

export type ErrorCode = keyof typeof errors;

/** Whether this release knows a code that another one may have sent. */
export function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errors, code);
}

function column<T>(at: (row: (typeof errors)[ErrorCode]) => T): Readonly<Record<ErrorCode, T>> {
  return Object.fromEntries(Object.entries(errors).map(([code, row]) => [code, at(row)])) as Record<
    ErrorCode,
    T
  >;
}

export const errorStatus = column(([status]) => status);
export const errorMeaning = column(([, meaning]) => meaning);
