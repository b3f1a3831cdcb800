import { composeTemplate } from '../../shared/actions/compose/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { composeMessage } from '../../shared/contract/messages.ts';

// A worker of its own process, for tests that measure it: `compose-once.ts <message>` prints what
// composing took.
const [, , message = ''] = process.argv;
const services = servicesFromEnvironment();
/**
 * By command: how often it was sent, and when the first began and the last had ended, in ms from
 * the start.
 */
const calls: Record<string, { count: number; from: number; to: number }> = {};
const started = performance.now();
const now = () => Math.round(performance.now() - started);

async function counted<T>(command: string, send: () => Promise<T>): Promise<T> {
  calls[command] ??= { count: 0, from: now(), to: 0 };
  calls[command].count += 1;

  try {
    return await send();
  } finally {
    calls[command].to = now();
  }
}
const step = 'initialize';
services.db.client.middlewareStack.add(
  (next, { commandName = '' }) =>
    (args) =>
      counted(commandName, () => next(args)),
  {
    step,
  },
);
services.objects.s3.middlewareStack.add(
  (next, { commandName = '' }) =>
    (args) =>
      counted(commandName, () => next(args)),
  { step },
);

await composeTemplate(services, composeMessage.parse(JSON.parse(message)));
const rssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify({ ms: now(), rssMiB, calls }));
