import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { listVersions, type Versions } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { addTimeout } from '../../input/duration.ts';
import { formatVersions } from '../../output/modules.ts';
import { type ExitCode, print } from '../../run.ts';

/**
 * How long known candidates may take to be verified again. An earlier request that serves this one
 * may have done it already.
 */
const looksMs = 10_000;

interface PollFlags extends Flags {
  wait?: true;
  timeout: number;
}

/** `gantry module poll` */
export function registerModulePoll(module: Command): void {
  const command = module
    .command('poll <name>')
    .description('poll the repository of a module immediately')
    .option('--wait', 'wait until new artifacts are verified and ingested, then list them');
  describe(addTimeout(command, 120), {
    examples: ['gantry module poll my-redis --wait'],
    no: 'polling failed or timed out',
    action: poll,
  });
}

async function poll(name: string, flags: PollFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/modules/${encodeURIComponent(name)}`;
  const before = (await api.client.get(api.responses.module, path)).poll;
  const open = (await api.client.get(api.responses.versions, `${path}/versions`)).candidates;
  const accepted = await api.client.send(api.responses.polled, 'POST', `${path}/poll`);

  if (!flags.wait) {
    print(
      flags.json,
      accepted,
      () => `polling ${name}; list the result with: gantry module versions ${name}`,
    );
    return 0;
  }

  const deadline = Date.now() + flags.timeout * 1000;
  const polled = await until(deadline, async () => {
    const { poll } = await api.client.get(api.responses.module, path);
    const done =
      poll !== null && (poll.polled_at !== before?.polled_at || poll.failures !== before?.failures);
    return done ? poll : null;
  });

  const lookedAt = Math.min(deadline, Date.now() + looksMs);
  const settled = await until(deadline, async () => {
    const { candidates } = await api.client.get(api.responses.versions, `${path}/versions`);
    return areSettled(candidates, Date.now() < lookedAt ? open : []) ? true : null;
  });
  const found = await listVersions(api, name);

  print(flags.json, { poll: polled, ...found }, () =>
    polled?.code ? `polling failed: ${polled.message} (${polled.code})` : formatVersions(found),
  );
  return polled !== null && polled.code === null && settled !== null ? 0 : 1;
}

type Candidates = Versions['candidates'];

/**
 * True if no candidate is between two stages, and each of `before` that waits for a signature or is
 * retried was verified again since.
 */
export function areSettled(now: Candidates, before: Candidates): boolean {
  const times = new Map(now.map(({ id, updated_at }) => [id, updated_at]));
  const waits = before.some(
    ({ id, next_verify_at, updated_at }) => next_verify_at !== null && times.get(id) === updated_at,
  );
  return !waits && !now.some(({ state }) => state === 'found' || state === 'verified');
}

async function until<T>(deadline: number, look: () => Promise<T | null>): Promise<T | null> {
  for (let pauseMs = 200; ; pauseMs = Math.min(1500, pauseMs * 1.3)) {
    const seen = await look();
    if (seen !== null || Date.now() > deadline) return seen;
    await sleep(pauseMs);
  }
}
