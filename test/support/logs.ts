import pRetry from 'p-retry';
import { inject } from 'vitest';
import { z } from 'zod';

const groups = z.object({ logGroups: z.array(z.object({ logGroupName: z.string() })) });
const events = z.object({ events: z.array(z.object({ message: z.string() })) });
const lineSchema = z.looseObject({
  service: z.string(),
  message: z.string(),
  timestamp: z.string(),
});

/** The local cloud fails a list while a function adds to it; the SDK would repeat that too. */
const callLogs = (operation: string, body: object) =>
  pRetry(() => callOnce(operation, body), { retries: 3, minTimeout: 200 });

/** One line that a deployed function logged. */
export type LogLine = z.infer<typeof lineSchema>;

/**
 * What the deployed functions have logged so far, oldest first, from CloudWatch Logs as people read
 * it.
 */
export async function functionLogs(): Promise<LogLine[]> {
  const { logGroups } = groups.parse(await callLogs('DescribeLogGroups', {}));
  const pages = await Promise.all(
    logGroups.map(async ({ logGroupName }) =>
      events.parse(await callLogs('FilterLogEvents', { logGroupName })),
    ),
  );

  return pages
    .flatMap((page) => page.events)
    .flatMap(({ message }) => (message.startsWith('{"level"') ? [JSON.parse(message)] : []))
    .map((line) => lineSchema.parse(line))
    .sort((a, b) => a.timestamp.localeCompare(b.timestamp));
}

/** The lines with these values, as a query of CloudWatch Logs Insights finds them. */
export function linesWith(lines: readonly LogLine[], values: Record<string, unknown>): LogLine[] {
  return lines.filter((line) =>
    Object.entries(values).every(([key, value]) => line[key] === value),
  );
}

/**
 * Two calls of one service need no client of its own. The local cloud reads who signs, and not the
 * signature.
 */
async function callOnce(operation: string, body: object): Promise<unknown> {
  const { AWS_ACCESS_KEY_ID = '', AWS_REGION = '' } = process.env;
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const scope = `${AWS_ACCESS_KEY_ID}/${day}/${AWS_REGION}/logs/aws4_request`;

  const response = await fetch(inject('stack').endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Logs_20140328.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`,
    },
    body: JSON.stringify(body),
  });

  if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
  return response.json();
}
