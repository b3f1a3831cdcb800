import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Api, connect } from '../../client/api.ts';
import { listVersions } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { addTimeout } from '../../input/duration.ts';
import { formatVersions } from '../../output/modules.ts';
import { type ExitCode, print } from '../../run.ts';

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

  const settled = await until(deadline, () => isSettled(api, path));
  const found = await listVersions(api, name);

  print(flags.json, { poll: polled, ...found }, () =>
    polled?.code ? `polling failed: ${polled.message} (${polled.code})` : formatVersions(found),
  );
  return polled !== null && polled.code === null && settled !== null ? 0 : 1;
}

/** Returns true when no candidate is between two stages, else null. */
async function isSettled(api: Api, path: string): Promise<true | null> {
  const { candidates } = await api.client.get(api.responses.versions, `${path}/versions`);
  return candidates.some(({ state }) => state === 'found' || state === 'verified') ? null : true;
}

async function until<T>(deadline: number, look: () => Promise<T | null>): Promise<T | null> {
  for (let pauseMs = 200; ; pauseMs = Math.min(1500, pauseMs * 1.3)) {
    const seen = await look();
    if (seen !== null || Date.now() > deadline) return seen;
    await sleep(pauseMs);
  }
}
