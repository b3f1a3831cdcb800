/**
 * Compares two of CloudStack's versions: one to four numbers, of which absent ones are 0. They are
 * no semantic versions, because security releases have four.
 * @returns a negative number, 0 or a positive number
 */
export function compareCloudStackVersions(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let index = 0; index < 4; index++) {
    const difference = Number(left[index] ?? 0) - Number(right[index] ?? 0);
    if (difference !== 0) return difference;
  }

  return 0;
}

export const cloudStackVersionPattern = /^\d{1,6}(?:\.\d{1,6}){0,3}$/;
