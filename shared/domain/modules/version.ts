import { type FilterTests, matchesName } from '../../base/filters.ts';
import type { Reverification } from '../reverify/index.ts';
import type { DocumentSummary, SignatureVerdict } from '../signatures/index.ts';
import type { ModuleManifest } from './manifest.ts';

export const promotionStates = ['built', 'staging', 'blessed', 'live', 'retired'] as const;

export type PromotionState = (typeof promotionStates)[number];

/** The walkthrough's older words for two states, which requests and responses have as aliases. */
export const lifecycleAliases: Record<string, PromotionState> = {
  draft: 'built',
  archived: 'retired',
};

export function lifecycleState(state: PromotionState): string {
  return state === 'built' ? 'draft' : state === 'retired' ? 'archived' : state;
}

/**
 * The build of a version for one platform. An index has one for each platform; a plain manifest has
 * one, named `any`.
 */
export interface VersionBuild {
  platform: string;
  manifest_digest: string;
  /** Of a platform module: the one tar that its image's layers were flattened to. */
  layer_digest: string;
  layer_size: number;
  /** `sha256:<hex>`: fs-verity digest of the composefs image of the layer's tree. */
  composefs_digest: string;
  /** S3 key of the file index; its name tells the format of the index. */
  file_index_key: string;
  entries: number;
}

/**
 * A document that an artifact holds in a layer of its own, beside the layer of the module. The
 * signature of the artifact covers it, but nobody attested it.
 */
export interface SideLayer extends DocumentSummary {
  /** The platform whose manifest has the layer. */
  platform: string;
  media_type: string;
  digest: string;
  size: number;
}

/**
 * `node`: a layer of files for machines. `platform`: an image whose code runs as a function
 * (product.md, section 10).
 */
export const versionKinds = ['node', 'platform'] as const;

export type VersionKind = (typeof versionKinds)[number];

/** The values of the labels of a platform module's image. */
export interface ImageLabels {
  /** `org.opencontainers.image.title`, for people. */
  title: string;
  /** `org.opencontainers.image.version` */
  version: string;
  /** `cloudsmith.module.id`: the module's name. */
  module_id: string;
}

export interface VersionApproval {
  operation_id: string;
  action: string;
  /** E-mail of the reviewer. */
  reviewer: string;
  decided_at: string;
}

/**
 * Why a person withholds a version. `yanked`: its author or an operator withdrew it.
 * `quarantined`: an operator distrusts it. `held`: a rollback replaced it. Each is lifted on its
 * own.
 */
export const withholdingKinds = ['yanked', 'quarantined', 'held'] as const;

export type WithholdingKind = (typeof withholdingKinds)[number];

export interface Withholding {
  reason: string;
  /** The actor who requested it. */
  by: string;
  at: string;
  operation_id: string;
}

export type Withheld = Partial<Record<WithholdingKind, Withholding>>;

export interface Version {
  account: string;
  module: string;
  id: string;
  digest: string;
  version_string: string;
  kind: VersionKind;
  /** Of a platform module; null for others. */
  labels: ImageLabels | null;
  tags: string[];
  promotion_state: PromotionState;
  /**
   * True once it has been live: a constraint that excludes the live version may still choose it.
   */
  was_live: boolean;
  /** Machines that lack it do not get it: it does not verify, or a person withholds it. */
  quarantined: boolean;
  /** A rollback replaced it. No composition chooses it until it is released. */
  held: boolean;
  /** It was retired although compositions used it. Absent if that never happened. */
  withdrawn?: boolean;
  /** Why people withhold it; absent before the first time. */
  withheld?: Withheld;
  builds: VersionBuild[];
  /** Absent where its manifests have none. */
  side_layers?: SideLayer[];
  /**
   * Normalised manifest (canonical JSON text is in S3 beside the layer; this is its parsed form).
   */
  manifest: ModuleManifest;
  /** S3 key of the stored signatures, which satisfied the policy. */
  stored_signatures_key: string;
  signatures: SignatureVerdict[];
  /** Absent before the first. */
  reverification?: Reverification;
  /** The people who approved its promotions so far. Agents get this list. */
  approvals: VersionApproval[];
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  ingested_at: string;
  state_changed_at: string;
}

export const versionFilters = {
  version: { kind: 'name', about: 'version; * stands for any text, as in 1.*' },
  state: { kind: 'choice', choices: promotionStates, about: 'promotion state' },
} as const;

export const versionTests: FilterTests<Version, typeof versionFilters> = {
  version: ({ version_string }, version) => matchesName(version, version_string),
  state: ({ promotion_state }, state) => promotion_state === state,
};
