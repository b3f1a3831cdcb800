const kib = 1024;

/**
 * What one row may hold in its keys and fields together. DynamoDB takes 400 KiB; the rest is for
 * the keys, which repeat fields, and for numbers, which DynamoDB stores longer than JSON.
 */
export const rowBytesMax = 392 * kib;

/** Bounds of the fields that `rowBounds` does not name: a name of 200 characters fits in each. */
export const fieldBytesMax = { text: kib, json: 2 * kib } as const;

/**
 * The longest keys of DynamoDB: of a partition, and of its order.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
export const keyBytesMax = { pk: 2048, sk: 1024 } as const;

/**
 * Bytes of JSON that the fields of each entity may hold. A write of more is refused
 * (`too_large`), and an entity whose bounds together exceed `rowBytesMax` does not load. A
 * limit in characters alone would let through rows that DynamoDB refuses.
 */
export const rowBounds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  account_creation: { message: 16 * kib },
  approval: {
    // Comments of 2,000 characters from some thirty reviewers.
    decisions: 256 * kib,
    summary: 16 * kib,
    task_token: 4 * kib,
    // The groups of several policies, and members of as many changes as one operation holds.
    reviewer_groups: 8 * kib,
    concerned: 8 * kib,
    // limits.unmailedMax
    unmailed: 16 * kib,
  },
  // Metadata has up to 100 keys, and comes again in the signed desired state.
  assignment: { metadata: 100 * kib },
  candidate: { tags: 32 * kib, message: 64 * kib, signatures: 128 * kib },
  composition: { modules: 320 * kib },
  compositionfailure: { message: 128 * kib },
  // limits.rejectedProposalsMax
  dependency: { rejected: 4 * kib },
  event: { data: 200 * kib },
  'host-budget': { leases: 128 * kib },
  // The response of a create, which repeats its row. It is kept as bytes.
  idempotency: { answer: 380 * kib },
  instance: {
    sealing_key: 64,
    clusters: 4 * kib,
    metadata: 100 * kib,
    // 1,000 modules of 30 characters with their digests; a report has 500 of any length.
    desired_modules: 110 * kib,
    desired_report_keys: 8 * kib,
    desired_error: 16 * kib,
    report: 120 * kib,
  },
  module: {
    identities: 64 * kib,
    trusted_keys: 64 * kib,
    // limits.trustedRootBytesMax
    trusted_root: 128 * kib,
    required_attestations: 24 * kib,
    platforms: 6 * kib,
    granted_reservations: 64 * kib,
  },
  // The roles and groups of a member, before and after.
  notice: { text: 16 * kib },
  operation: { actions: 4 * kib, changes: 300 * kib, summary: 16 * kib, message: 48 * kib },
  // limits.policyListMax
  policy: {
    freeze_windows: 8 * kib,
    required_attestations: 40 * kib,
    required_builders: 40 * kib,
    required_sources: 40 * kib,
  },
  provider: { capability: 2 * kib },
  // limits.registryCaCharactersMax
  'registry-login': { ca: 36 * kib },
  repository: { ignored_tags: 128 * kib, list_cut: 64 * kib, message: 64 * kib },
  root_proposal: { metadata: 256 * kib },
  // limits.grantedPrivilegesMax
  privileges: { privileges: 112 * kib },
  roster: { reviewers: 128 * kib },
  // A thousand modules of others with the longest names.
  trial: { moves: 320 * kib, privileges: 60 * kib },
  verdict: { verdict: 128 * kib },
  version: {
    // Each is one of a few words.
    kind: 64,
    promotion_state: 64,
    labels: 3 * kib,
    // limits.tagsPerDigestMax
    tags: 27 * kib,
    // limits.platformsMax
    builds: 32 * kib,
    // limits.versionManifestBytesMax
    manifest: 192 * kib,
    // limits.sideLayersMax
    side_layers: 8 * kib,
    // limits.verdictBytesMax
    signatures: 100 * kib,
    approvals: 8 * kib,
    reverification: 3 * kib,
    withheld: 7 * kib,
    withdrawn: kib,
  },
  // limits.unreadableTagTextMax
  unreadabletag: { message: 2 * kib },
  // limits.warningQuoteMax
  warning: { message: 8 * kib },
};
