export interface Category {
  account: string;
  slug: string;
  position: number;
  created_at: string;
}
