/** Stands in until this stage is written: logs the event it got. */
export async function handler(event: unknown): Promise<unknown> {
  process.stdout.write(`${JSON.stringify({ stage: 'compose', event })}\n`);
  return {
    statusCode: 200,
    body: JSON.stringify({ stage: 'compose', event }),
    headers: { 'content-type': 'application/json' },
  };
}
