const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

/** Formats an ISO 8601 time with its age: `2027-01-01T10:00:00Z (3 h ago)`; other text stays. */
export function formatTime(text: string, now: Date): string {
  return isoTime.test(text) ? `${text.replace(/\.\d+Z$/, 'Z')} (${formatAge(text, now)})` : text;
}

/** How long ago a time is, or how far ahead: `3 h ago`, `in 2 d`, `now`. */
export function formatAge(time: string, now: Date): string {
  const seconds = Math.round((now.getTime() - Date.parse(time)) / 1000);
  const size = Math.abs(seconds);
  const found = units.find(([, length]) => size >= length);
  const amount = found === undefined ? `${size} s` : `${Math.floor(size / found[1])} ${found[0]}`;
  if (size === 0) return 'now';
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

const ages = /(?<=Z) \((?:now|in \d+ \w+|\d+ \w+ ago)\)/g;

/** What a text says apart from ages, and from the spaces that align them. */
export function withoutAges(text: string): string {
  return text.replaceAll(ages, '').replaceAll(/ +/g, ' ');
}
