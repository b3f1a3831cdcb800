import { createHash } from 'node:crypto';
import { newId, versionId } from '../../shared/base/ids.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import type { Module, Version, VersionBuild } from '../../shared/domain/modules/index.ts';
import type { Template } from '../../shared/domain/templates/index.ts';
import { moduleManifestSchema } from '../../shared/manifest/schema.ts';
import { type Db, transact } from '../../shared/store/table/index.ts';
import { createAssignment } from '../../shared/store/templates/index.ts';

const time = '2026-01-01T00:00:00.000Z';

/** A module's row as registration makes it, for tests that need rows and no registry. */
export function storedModule(account: string, name: string, more: Partial<Module> = {}): Module {
  return {
    account,
    name,
    id: name,
    visibility: 'private',
    category: 'userland',
    variety: 'subscription',
    parent_module: null,
    repository: `registry.example/${account}/${name}`,
    identities: [],
    trusted_keys: [],
    trusted_root: null,
    require_tlog: false,
    required_attestations: [],
    platforms: [],
    allow_devices: false,
    granted_reservations: [],
    policy_version: 'none',
    live_version_id: null,
    has_versions: true,
    archived: false,
    revision: 1,
    created_at: time,
    updated_at: time,
    ...more,
  };
}

export interface StoredVersion extends Partial<Omit<Version, 'builds' | 'manifest'>> {
  build?: Partial<VersionBuild>;
  /** Keys of its manifest beside the name. */
  manifest?: Record<string, unknown>;
}

/** What a build says of these entries, whose file index has this key. */
export function shippedBuild(file_index_key: string, entries: readonly TreeEntry[]) {
  const composefs_digest = `sha256:${composefsImage(entries).digest}`;
  return { file_index_key, composefs_digest, entries: entries.length };
}

/** A version's row as ingest makes it, in staging where nothing else is said. */
export function storedVersion(
  account: string,
  module: string,
  version: string,
  more: StoredVersion = {},
): Version {
  const { build, manifest, ...rest } = more;
  const digest = `sha256:${createHash('sha256').update(`${account}/${module}@${version}`).digest('hex')}`;

  return {
    account,
    module,
    id: versionId(account, module, digest),
    digest,
    version_string: version,
    kind: 'node',
    labels: null,
    tags: [`v${version}`],
    promotion_state: 'staging',
    was_live: false,
    quarantined: false,
    held: false,
    builds: [
      {
        platform: 'any',
        manifest_digest: digest,
        layer_digest: digest,
        layer_size: 1,
        composefs_digest: digest,
        file_index_key: 'none',
        entries: 0,
        ...build,
      },
    ],
    manifest: moduleManifestSchema.parse({
      schema_version: 1,
      name: module,
      file_spec: ['/**'],
      ...manifest,
    }),
    stored_signatures_key: 'none',
    signatures: [],
    approvals: [],
    revision: 1,
    ingested_at: time,
    state_changed_at: time,
    ...rest,
  };
}

/** Assigns a module to its template, as an applied operation does; nothing is composed. */
export async function assign(
  db: Db,
  { account, id: template_id }: Template,
  module: string,
): Promise<void> {
  const settings = {
    constraint: null,
    metadata: {},
    effective_priority: null,
    created_at: time,
    updated_at: time,
  };

  const row = { account, id: newId('assignment'), template_id, module };
  await transact(db, [createAssignment({ ...row, ...settings })]);
}
