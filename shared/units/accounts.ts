/** The databases of users and groups (passwd(5), group(5), shadow(5), gshadow(5)). */
export const databasePaths: ReadonlySet<string> = new Set([
  '/etc/passwd',
  '/etc/group',
  '/etc/shadow',
  '/etc/gshadow',
]);

/** What builds of packages record of the users that maintainer scripts made. */
export function isSysusersFragment(path: string): boolean {
  return /^\/usr\/lib\/sysusers\.d\/00-gantry-[^/]+\.conf$/.test(path);
}
