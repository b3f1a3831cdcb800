/** What is unique in an account: the name under which a digest is a version. */
export function versionName(module: string, version_string: string): string {
  return `${module}@${version_string}`;
}
