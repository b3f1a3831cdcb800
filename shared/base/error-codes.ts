/**
 * Every error code of Gantry with the HTTP status it answers with, the only place where a status is chosen, and what it
 * means, for docs/reference/errors.md (npm run generate). Codes are part of the public contract: add, never rename.
 */
const errors = {
  // callers
  invalid_request: [
    400,
    'body, query or header is not of the stated shape; `field` names what is wrong',
  ],
  invalid_cursor: [400, 'the cursor is not one that a page of this list answered'],
  unauthenticated: [401, 'the token or agent credential is missing, unknown, revoked or expired'],
  dpop_invalid: [401, 'the DPoP proof is missing, malformed, stale, or for another request or key'],
  dpop_replayed: [401, 'the DPoP proof was used before'],
  hook_refused: [401, 'a webhook without the secret of its door, or to a door that there is not'],
  forbidden: [403, 'the caller lacks the role, or asks for what is not theirs'],
  not_found: [404, 'there is no such thing in this account'],
  already_exists: [409, 'the name or id is taken'],
  conflict: [409, 'the record changed at the same time; read it again and retry'],
  idempotency_conflict: [409, 'the Idempotency-Key came with another body before'],
  precondition_failed: [412, 'what the request was made conditional on does not hold'],
  payload_too_large: [413, 'the body is larger than a request may be'],
  internal: [500, 'a fault of Gantry; the request id finds it in the logs'],
  unavailable: [503, 'Gantry, or what it rests on, does not answer now; try again'],

  // registration and manifests
  ModuleManifestSchemaError: [
    422,
    'the module manifest has problems; each is listed with line, column and key path',
  ],
  glob_invalid: [422, 'a glob cannot be read'],
  glob_too_complex: [
    422,
    'globs have too many wildcards to be compared with each other, or to match so many paths',
  ],
  requirement_invalid: [422, 'a requirement is not <account>/<module>@<semver range>'],
  regexp_invalid: [422, 'a regular expression is not one of RE2'],
  regexp_unanchored: [422, 'an identity or issuer regexp lacks ^ or $'],
  policy_changed: [
    409,
    'whom the module trusts was changed since its signatures were judged; they are judged again',
  ],
  policy_missing: [422, 'the module names nobody who could sign it, or half of a pair'],
  key_invalid: [422, 'a key is not one that signatures can be checked or made with'],
  trusted_root_invalid: [422, 'trusted_root is not a Sigstore trusted_root.json'],
  trust_root_unreachable: [502, 'the mirror of the public-good trust root does not answer'],
  trust_root_refused: [
    422,
    "what came or was kept as the public-good trust root is refused by TUF's rules",
  ],
  reference_invalid: [422, 'not an OCI reference of the expected form'],
  category_unknown: [422, 'the account has no such category'],
  parent_module_mismatch: [422, "the manifest's parent_module differs from the registration's"],
  reservation_unknown: [
    422,
    'no version of the module asks for the pattern in its protected_spec, or it is to be revoked and was not granted',
  ],

  // verify: why a signature does not count
  unsigned: [422, 'no signature was found beside the artifact'],
  awaiting_signature: [422, 'no signature yet; asked again for 24 hours'],
  attestation_only: [422, 'there are attestations and no signature'],
  identity_mismatch: [422, 'the certificate names somebody whom no identity regexp matches'],
  issuer_mismatch: [422, 'the identity was vouched for by an issuer that no regexp matches'],
  key_mismatch: [422, 'signed by a key that is not among the trusted ones'],
  digest_mismatch: [422, 'the signature is for another digest'],
  claim_mismatch: [
    422,
    'the certificate says something else of the workflow than the policy demands',
  ],
  attestation_missing: [
    422,
    'it is signed, and an attestation that the policy demands is not beside it',
  ],
  annotation_mismatch: [422, 'the signature lacks an asked-for annotation'],
  signature_invalid: [422, 'the signature does not verify'],
  certificate_invalid: [422, 'the certificate cannot be read, or is not one for signing code'],
  certificate_untrusted: [422, 'the certificate does not chain to the trust root'],
  certificate_expired: [422, 'the certificate was not valid when it was used'],
  sct_missing: [422, 'the certificate holds no proof that a certificate log has it'],
  sct_invalid: [422, "the certificate log's proof does not verify"],
  tlog_missing: [422, 'the transparency log entry that the policy demands is missing'],
  tlog_invalid: [422, 'the transparency log entry does not verify, or is for something else'],
  timestamp_missing: [422, 'there is no trusted time of signing'],
  timestamp_invalid: [422, 'the signed timestamp does not verify'],
  bundle_invalid: [422, 'not a Sigstore bundle that can be read'],
  payload_invalid: [422, 'what was signed is not a statement of the expected form'],
  predicate_type_mismatch: [422, 'the attestation is of another type than asked for'],
  too_many_signatures: [422, 'more candidates than are read for one artifact'],
  signature_too_large: [422, 'a signature is larger than any real one'],
  mode_mismatch: [422, 'keyless where the policy asks for keys, or the reverse'],

  // registry
  registry_unreachable: [502, 'no connection to the registry, or it broke off'],
  registry_timeout: [504, 'the registry did not answer in time, or stopped in the middle'],
  registry_unauthorized: [502, 'the registry, or its token service, refused the credentials'],
  registry_not_found: [404, 'the registry has no such repository, tag or digest'],
  registry_rate_limited: [503, 'the registry asks to come back later'],
  registry_error: [502, 'the registry answered with an error of its own'],
  registry_response_invalid: [
    502,
    'the registry answered what the OCI specification does not allow',
  ],
  address_refused: [
    422,
    'the host is not of the public internet, or not asked over https, and no operator allowed it',
  ],
  blob_digest_mismatch: [422, "a blob's bytes do not have the digest that was asked for"],
  blob_size_mismatch: [422, 'a blob is longer or shorter than its descriptor says'],
  manifest_digest_mismatch: [422, "a manifest's bytes do not have the digest that was asked for"],

  // ingest
  artifact_invalid: [422, 'the artifact is not one that a module can be'],
  manifest_too_large: [422, 'an OCI manifest is larger than one may be'],
  media_type_unsupported: [422, 'the artifact is not one layer of a module, or of another type'],
  layer_too_large: [
    422,
    'the layer, its paths and attributes, or its files laid out, are larger than they may be',
  ],
  layer_entries_too_many: [422, 'the layer has more entries than a layer may'],
  tar_malformed: [422, 'the archive is not a tar'],
  tar_truncated: [422, 'the archive ends in the middle'],
  tar_path_absolute: [422, 'an entry has an absolute path'],
  tar_path_traversal: [422, 'an entry has .. in its path'],
  tar_path_through_symlink: [
    422,
    'an entry lies beneath a symlink, or beneath what is no directory',
  ],
  tar_path_not_utf8: [422, "an entry's name is not UTF-8"],
  tar_path_too_long: [422, "an entry's path or link target is longer than Linux allows"],
  tar_duplicate_entry: [422, 'two entries have the same path'],
  tar_unsorted: [422, 'the entries are not in byte order'],
  tar_missing_parent: [422, 'an entry comes without the directory that it lies in'],
  tar_entry_unexpected: [422, 'an entry that no module.tar has'],
  tar_entry_type_unsupported: [422, 'an entry of a type that no module may ship'],
  tar_device_refused: [422, 'a device node, and the registration does not allow them'],
  tar_hardlink_invalid: [422, 'a hard link to what is no earlier file of the archive'],
  tar_sparse_refused: [422, 'a sparse file'],
  tar_xattr_invalid: [422, 'an extended attribute that cannot be kept as it stands'],
  tar_manifest_missing: [422, 'the archive has no manifest.json'],
  tar_digest_missing: [422, 'the archive has no composefs-digest, or it holds no digest'],
  image_labels_missing: [422, 'an image without the labels of a platform module'],
  module_id_mismatch: [
    422,
    "the labels of an image name another module or version than its repository's",
  ],
  name_mismatch: [422, "the manifest's name is not the module's"],
  composefs_digest_mismatch: [
    422,
    'the tree does not have the composefs digest that the archive states',
  ],
  carve_out_refused: [422, 'a carve-out in a module that is not of variety config'],
  version_exists: [409, 'the version string belongs to another digest already'],
  tag_moved: [
    409,
    'a tag names another digest now: an ingested version stays as it is, a digest that no tag names goes no further',
  ],
  tag_deleted: [
    409,
    'the last tag of a digest is gone from the registry, before it became a version',
  ],
  platform_missing: [422, 'an index names no platform'],

  // composefs
  dump_invalid: [422, 'a composefs dump cannot be read; the line is named'],
  image_invalid: [422, 'not a composefs image'],
  tree_invalid: [422, 'a tree of files that no composefs image can hold'],

  // compose
  composition_protected_conflict: [409, 'two modules protect the same path'],
  composition_type_conflict: [409, 'a directory in one module, a file in another'],
  composition_unsatisfied: [409, 'no versions satisfy all requirements; the chain is named'],
  composition_ambiguous: [
    409,
    'several modules provide what is required and none of them is assigned; they are named',
  ],
  composition_cycle: [409, 'modules require each other in a circle; it is named'],
  composition_too_complex: [409, 'requirements did not resolve within the allowed steps'],
  composition_too_large: [
    422,
    'there is more in the layers than a composition, or a preview, may have',
  ],
  composition_kind_mismatch: [
    409,
    'the version is a platform module, of which no machine is composed',
  ],
  change_too_wide: [422, 'the change affects more templates than are composed for one change'],
  composition_platform_mismatch: [409, "the module has no build for the template's platform"],
  instance_metadata_missing: [422, 'an instance module names metadata that the instance lacks'],
  instance_entry_unsupported: [422, 'an instance module ships something else than regular files'],

  // promote
  promotion_state_invalid: [409, 'the version cannot go there from the state it is in'],
  promotion_raced: [409, 'another request changed the version, module or template first'],
  version_quarantined: [
    409,
    'the version is quarantined: it can only be retired, and machines that lack it do not get it',
  ],
  policy_denied: [403, "the account's policy denies the action"],
  approval_required: [403, 'the action needs approval, and has none or nobody who could give it'],
  approval_expired: [410, 'the request was not decided in time'],
  approval_withdrawn: [410, 'the request was taken back'],
  approval_decided: [409, 'the request, or your part of it, is decided already'],
  approval_link_invalid: [
    403,
    'not a link that Gantry mailed, or of somebody who is no reviewer now',
  ],
  approval_link_used: [410, 'the link was used: the decision is recorded'],
  self_approval: [403, 'whoever asks may not approve'],
  execution_died: [500, "an operation's execution died too often; ask again"],

  // reconcile
  join_token_invalid: [401, 'not the current join token of the instance'],
  join_token_used: [401, 'the join token was used already'],
  join_token_expired: [401, 'the join token is older than 24 hours'],
  instance_decommissioned: [
    410,
    'the instance is decommissioned; its agent wipes its key and secrets',
  ],
  credential_reused: [
    401,
    'the agent credential was used from two places and is revoked; enrol again with a new join token',
  ],
  desired_state_signature_invalid: [422, "the desired state is not signed by the account's root"],
  desired_state_version_rollback: [422, 'an older desired state than one seen before'],
  desired_state_expired: [422, 'the desired state is past its time; the root is kept'],
  clock_skew: [
    422,
    "the machine's clock is wrong by more than a minute; by it the desired state has expired, or may soon",
  ],
  desired_state_foreign: [422, 'the desired state of another account or instance'],
  desired_state_invalid: [422, 'the desired state cannot be read or laid out'],
  root_untrusted: [
    422,
    'the account root is not the one that the machine pinned, nor follows from it',
  ],
  root_change_invalid: [
    422,
    'the account root cannot be changed so: nothing changes, or it could not be signed',
  ],
  root_signature_invalid: [
    422,
    'the signature is of no key that counts, or does not verify over the proposed root',
  ],
  root_proposal_open: [
    409,
    'another change of the account root waits for signatures; sign or withdraw it first',
  ],
  layer_mismatch: [422, 'a layer, or its manifest, is not what the desired state names'],
  composition_mismatch: [422, 'recomputed on the machine, the composition comes out differently'],
  store_tampered: [422, "the machine's store held content that is not what its name says"],
  root_tampered: [422, "the machine's root differs from what was laid out"],
  signature_refused: [422, "no authors' signature satisfies the signed and the local policy"],

  // command line and set-up
  usage: [400, 'the command line cannot be understood'],
  io_error: [500, 'a file or stream cannot be read or written'],
  port_taken: [409, 'the port that was asked for is taken'],
  prerequisite_missing: [412, 'the machine lacks something that is needed'],
  package_build_unsupported: [422, 'package_spec cannot be built yet, only rootfs/ content'],
  key_password_wrong: [422, 'the password does not open the private key'],
} as const;

export type ErrorCode = keyof typeof errors;

function column<T>(at: (row: (typeof errors)[ErrorCode]) => T): Readonly<Record<ErrorCode, T>> {
  return Object.fromEntries(Object.entries(errors).map(([code, row]) => [code, at(row)])) as Record<
    ErrorCode,
    T
  >;
}

export const errorStatus = column(([status]) => status);
export const errorMeaning = column(([, meaning]) => meaning);
