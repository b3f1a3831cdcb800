import { form } from './field.ts';

/**
 * Debian policy 5.6.1, with an architecture and an exact version in the syntax of apt. Never an
 * option (`-…`) or a path.
 */
export const debianPackage = form(
  /^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+~:-]+)?$/,
  'expected a Debian package, as name, name:architecture or name=version',
).max(300, 'expected at most 300 characters');
