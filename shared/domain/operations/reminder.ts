import type { Approval } from './approval.ts';

const hourMs = 3_600_000;

/**
 * How many reminders of a request are due: one after half of its time, one an hour before it
 * expires. Where half of the time is not earlier than that hour, there is one reminder.
 */
export function dueReminders(
  { created_at, expires_at }: Pick<Approval, 'created_at' | 'expires_at'>,
  now: Date,
): number {
  const [from, to] = [Date.parse(created_at), Date.parse(expires_at)];
  const half = from + (to - from) / 2;
  const times = [half, to - hourMs].filter((at, index) => index === 0 || at > half);
  return times.filter((at) => at <= now.getTime()).length;
}
