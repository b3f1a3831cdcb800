/** An account root that was replaced. The root in force is in the account's row. */
export interface SupersededRoot {
  account: string;
  version: number;
  /** SHA-256 of its bytes, 64 hex digits; names the object. */
  sha256: string;
  superseded_at: string;
}

/** The next root while it waits for signatures; an account has one at most. */
export interface RootProposal {
  account: string;
  version: number;
  /** TUF metadata as JSON, with the signatures so far. */
  metadata: string;
  /**
   * The KMS key that signs desired states once the root is in force; null if it does not change.
   */
  director_key_id: string | null;
  proposed_by: string;
  proposed_at: string;
  /** Counts signatures, so that two concurrent signatures are both kept. */
  revision: number;
}

/** How far an account's desired states are signed again after its director key changed. */
export interface Rotation {
  account: string;
  /** Of the root that brought the new key. */
  version: number;
  /** Where `walkInstances` continues; '' to begin. */
  place: string;
  due_at: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}
