import { z } from 'zod';

/**
 * Accounts, modules and categories are named by slugs: lower case, digits, and single `.` or `_` or
 * any number of `-` between them, so that a name is also a valid OCI repository component (OCI
 * distribution 1.1, §Pulling manifests) and an S3 key part.
 */
export const slugPattern = /^[a-z0-9]+(?:(?:[._]|-+)[a-z0-9]+)*$/;

/** The most characters in a slug: what Powernode allows in the name of a module. */
export const slugLengthMax = 64;

export function isSlug(text: string): boolean {
  return text.length <= slugLengthMax && slugPattern.test(text);
}

/** Zod schema of an account, module or category name. */
export const slugSchema = z
  .string()
  .max(slugLengthMax, `expected at most ${slugLengthMax} characters`)
  .regex(slugPattern, 'expected lower-case letters and digits with ".", "_" or "-" between them');
