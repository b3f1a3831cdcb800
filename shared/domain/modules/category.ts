export interface Category {
  account: string;
  slug: string;
  position: number;
  /** When a module last came into it; null before the first. */
  module_added_at: string | null;
  created_at: string;
}
