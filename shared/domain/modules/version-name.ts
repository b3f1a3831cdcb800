/** The name of a version's digest, which is unique in an account. */
export function versionName(module: string, version_string: string): string {
  return `${module}@${version_string}`;
}
