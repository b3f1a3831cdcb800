/**
 * The folders of an account in the bucket, each a kind of object that functions are granted on its
 * own.
 */
export type ObjectKind =
  | 'artifacts'
  | 'file-indexes'
  | 'stored-signatures'
  | 'documents'
  | 'images'
  | 'compositions'
  | 'desired-states'
  | 'roots';
