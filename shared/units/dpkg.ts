/** Where layers record their packages, and where dpkg looks. */
export const dpkgDirectory = '/var/lib/dpkg';
const recordsDirectory = `${dpkgDirectory}/status.d/`;
const statusPath = `${dpkgDirectory}/status`;

export function isPackageRecord(path: string): boolean {
  return path === statusPath || path.startsWith(recordsDirectory);
}
