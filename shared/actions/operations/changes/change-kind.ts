import type { TemplateView } from '../../../domain/compose/index.ts';
import type { Instance } from '../../../domain/machines/index.ts';
import type { VersionApproval } from '../../../domain/modules/index.ts';
import type {
  Action,
  Change,
  ChangeName,
  InterventionPolicy,
  Operation,
  ReviewedChange,
} from '../../../domain/operations/index.ts';
import type { Track } from '../../../domain/templates/index.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';

/** Reads the policy in force for an action: its row, or the default. */
export type PolicyInForce = (action: Action) => Promise<InterventionPolicy>;

/** Templates whose compositions a change may alter, before they are looked up. */
export type Affected =
  | { of: 'nothing' }
  | { of: 'template'; template_id: string }
  /**
   * Every template that uses the module: it assigns the module, or a composition considered it or
   * what the version provides. `others` says whether templates of other accounts count: if the
   * module is public, or always.
   */
  | {
      of: 'module';
      module: string;
      version_id: string | null;
      others: 'never' | 'if_public' | 'always';
    }
  /** The template of a machine, for the track that the change names or that the machine has. */
  | { of: 'instance'; instance_id: string; track: Track | null };

export type ChangeReview = Pick<ReviewedChange, 'facts' | 'warnings'>;

export interface BroughtVersion {
  /** Of both versions. */
  account: string;
  version_id: string;
  /** Null where nothing is replaced. */
  replaces: string | null;
}

/** A mail to the admins and reviewers of an account, without who did it. */
export interface NoticeText {
  subject: string;
  text: string[];
  /** Addresses of other people whom it concerns. */
  also?: readonly string[];
}

/** What the writes of a change are made of. */
export interface Applied<Name extends ChangeName, Rows> {
  operation: Pick<Operation, 'account' | 'id' | 'requested_by' | 'requested_by_person'>;
  change: Change<Name>;
  /** As `read` returned them. */
  rows: Rows;
  /** Who approved the operation. */
  approvals: Pick<VersionApproval, 'operation_id' | 'reviewer' | 'decided_at'>[];
  /** UTC, ISO 8601. */
  at: string;
}

/**
 * Everything that the platform must know about one kind of change. Only `read` and `follow` have
 * effects; the rest are functions of values.
 */
export interface ChangeKind<Name extends ChangeName, Rows = unknown> {
  /** The action whose policy the change needs. */
  action(change: Change<Name>): Action;

  /**
   * The policy that the change meets: that of its action, unless the kind has a rule of its own.
   */
  policy(change: Change<Name>, inForce: PolicyInForce): Promise<InterventionPolicy>;

  /**
   * Whether the change is applied first and reviewed by an operation of its own afterwards; absent
   * for a kind that never is.
   */
  isReviewedAfterwards?(change: Change<Name>): boolean;

  /**
   * Throws the coded error if the policies in force ask for something that the rows do not meet:
   * a soak, or attestations. Freeze windows concern every kind and are checked for all.
   */
  meet?(change: Change<Name>, rows: Rows, inForce: PolicyInForce, now: Date): Promise<void>;

  /**
   * Reads the rows that the change is about; throws the coded error for one that does not exist.
   */
  read(services: Services, account: string, change: Change<Name>): Promise<Rows>;

  /** Throws a coded error if the change cannot be applied to the rows as they are. */
  check(change: Change<Name>, rows: Rows): void;

  /** The change in words for people: "promote my-redis 0.1.0 to live". */
  summary(change: Change<Name>, rows: Rows, account: string): string;

  /**
   * What the change asks for, without the ids that each request makes; absent where it makes none.
   * Two open requests for the same are one.
   */
  asked?(change: Change<Name>): object;

  /** Members whom the change lets decide more; absent for a kind that lets nobody. */
  concerns?(change: Change<Name>): string[];

  /** What reviewers judge the change by, besides the content of a version. */
  review(change: Change<Name>, rows: Rows): ChangeReview;

  /**
   * The version that the change brings, and the one that it replaces, whose content reviewers
   * compare; absent for a kind that brings none.
   */
  brings?(change: Change<Name>, account: string): BroughtVersion;

  /** What is composed before the change is applied; if this fails, the change fails. */
  tried(change: Change<Name>, account: string): Affected;

  /** What reviewers see as affected, for a kind that is applied already and so tries nothing. */
  reviewed?(change: Change<Name>, account: string): Affected;

  /** The operation that applied it, whose findings reviewers see, for such a kind. */
  appliedBy?(change: Change<Name>): string;

  /** What is composed once the change is applied. */
  affected(change: Change<Name>, account: string): Affected;

  /** A template with the change; one that the change does not concern stays as it is. */
  view(view: TemplateView, change: Change<Name>, at: string): TemplateView;

  /** A machine with the change; one that the change does not concern stays as it is. */
  instance(row: Instance, change: Change<Name>): Instance;

  /**
   * The writes that apply the change, each with its condition, and the event. They must not write
   * the row of a template that is `tried`: the same transaction holds its revision or counts it up.
   */
  writes(applied: Applied<Name, Rows>): Write[];

  /**
   * What people are mailed once the change is applied: a change of who may do or decide what. Null
   * if there is nobody left to mail about.
   */
  notice?(services: Services, account: string, change: Change<Name>): Promise<NoticeText | null>;

  /** Wakes what asks again once nobody decided in time; absent for what a person asks for. */
  lapse?(services: Services, account: string, change: Change<Name>): Promise<void>;

  /** Wakes the stages that depend on the change, except compose, which every change wakes. */
  follow(services: Services, account: string, change: Change<Name>): Promise<void>;
}

export const nothing: Affected = { of: 'nothing' };

export const noTemplate = (): Affected => nothing;

export const sameView = (view: TemplateView): TemplateView => view;

export const sameInstance = (row: Instance): Instance => row;

export const nothingFollows = async (): Promise<void> => {};
