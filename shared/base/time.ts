export const daySeconds = 24 * 3600;
export const dayMs = daySeconds * 1000;

const units = [
  ['day', daySeconds],
  ['h', 3600],
  ['min', 60],
] as const;

/** Seconds in the largest unit that is exact: "3 days", "36 h", "1 min", "90 s". */
export function formatSeconds(seconds: number): string {
  const [unit, size] = units.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['s', 1];
  const count = seconds / size;
  return `${count} ${unit}${unit === 'day' && count !== 1 ? 's' : ''}`;
}
