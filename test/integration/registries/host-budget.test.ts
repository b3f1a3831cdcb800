import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import {
  BudgetSpent,
  orLater,
  withinBudget,
  withRegistry,
} from '../../../shared/actions/registries/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { stages } from '../../../shared/contract/stages.ts';
import { accountSlots } from '../../../shared/domain/registries/index.ts';
import {
  countPolled,
  createAccount,
  getAccount,
  uncountPolled,
} from '../../../shared/store/accounts/index.ts';
import {
  endLease,
  endSlot,
  type LeaseAsk,
  pauseHost,
  spendMore,
  takeLease,
  takeSlot,
} from '../../../shared/store/registries/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { alone } from '../../support/flow.ts';
import { type HttpServer, sendJson, startHttpServer } from '../../support/http-server.ts';

let services: Services;
beforeAll(() => {
  services = servicesFromEnvironment();
});

const newHost = () => `r-${randomBytes(6).toString('hex')}.test`;
const anonymous = { account: 'a', credentials: 'none' as const };
let count = 0;
const now = Date.parse('2026-03-01T12:00:00Z');

/** Ten requests a second, two seconds' burst, four at a time: one lease pays for four requests. */
function ask(host: string, more: Partial<LeaseAsk> = {}): LeaseAsk {
  const nowMs = more.nowMs ?? now;
  const fixed = { host, shard: 0, id: `lease${count++}`, nowMs, untilMs: nowMs + 60_000 };
  return { ...fixed, priceMs: 400, burstMs: 2000, concurrency: 4, pulls: false, ...more };
}

/** Takes a lease and ends it with everything used; answers whether it was granted. */
async function use(wanted: LeaseAsk): Promise<boolean> {
  const granted = (await takeLease(services.db, wanted)) === null;
  if (granted) await endLease(services.db, wanted, 0);
  return granted;
}

describe('the budget of a host in the table', () => {
  it('allows its number of concurrent workers when twenty ask at the same time', async () => {
    const host = newHost();
    const asked = Array.from({ length: 20 }, () => ask(host));
    const answers = await Promise.all(asked.map((each) => takeLease(services.db, each)));

    expect(answers.filter((answer) => answer === null)).toHaveLength(4);
    const granted = asked.find((_, index) => answers[index] === null);
    if (granted !== undefined) await endLease(services.db, granted, 0);
    expect(await takeLease(services.db, ask(host))).toBeNull();
  });

  it('grants a burst, then no more than its rate', async () => {
    const host = newHost();
    const granted = async (nowMs: number) => {
      let granted = 0;
      while (await use(ask(host, { nowMs }))) granted += 1;
      return granted;
    };

    // 24 requests: the burst of two seconds, and the piece of work that begins at its very end.
    expect(await granted(now)).toBe(6);
    expect(await granted(now + 1000)).toBe(2);
    expect(await granted(now + 2000)).toBe(3);
    expect(await granted(now + 3_600_000)).toBe(6);
  });

  it('returns the part of a payment that was not used', async () => {
    const host = newHost();
    for (let i = 0; i < 50; i++) {
      const wanted = ask(host);
      expect(await takeLease(services.db, wanted)).toBeNull();
      await endLease(services.db, wanted, 400);
    }
  });

  it('lets started work finish in debt, and no new work start before the debt is paid', async () => {
    const host = newHost();
    const long = ask(host);

    expect(await takeLease(services.db, long)).toBeNull();
    for (let i = 0; i < 10; i++) await spendMore(services.db, long);
    await endLease(services.db, long, 0);
    expect(await use(ask(host, { nowMs: now + 2000 }))).toBe(false);
    expect(await use(ask(host, { nowMs: now + 2500 }))).toBe(true);
  });

  it('takes the place back of a worker that died', async () => {
    const host = newHost();
    for (let i = 0; i < 4; i++) expect(await takeLease(services.db, ask(host))).toBeNull();
    expect(await takeLease(services.db, ask(host, { nowMs: now + 59_000 }))).toMatchObject({
      host,
    });
    expect(await takeLease(services.db, ask(host, { nowMs: now + 60_001 }))).toBeNull();
  });

  it('holds everything up that a registry does not want, or only pulls', async () => {
    const host = newHost();
    await pauseHost(services.db, host, 1, { scope: 'pulls', untilMs: now + 60_000 });
    expect(await use(ask(host, { pulls: true }))).toBe(false);
    expect(await use(ask(host))).toBe(true);
    await pauseHost(services.db, host, 1, { scope: 'all', untilMs: now + 30_000 });
    await pauseHost(services.db, host, 1, { scope: 'all', untilMs: now + 10_000 });
    expect(await use(ask(host, { nowMs: now + 20_000 }))).toBe(false);
    expect(await use(ask(host, { nowMs: now + 30_001 }))).toBe(true);
  });
});

describe('the polled modules of an account', () => {
  it('have a bound, of which an archived or deleted module frees a place', async () => {
    const slug = `a-${randomBytes(6).toString('hex')}`;
    const polled_modules = limits.accountPolledModulesMax - 1;
    const fixed = { director_key_id: 'k', root_sha256: '', root_version: 1, created_at: '' };
    const { db } = services;

    await transact(db, [createAccount({ slug, name: slug, polled_modules, ...fixed })]);
    await transact(db, [countPolled(slug)]);
    await expect(transact(db, [countPolled(slug)])).rejects.toMatchObject({
      code: 'modules_too_many',
      expected: limits.accountPolledModulesMax,
    });

    await transact(db, [uncountPolled(slug)]);
    await transact(db, [countPolled(slug)]);
    expect(await getAccount(db, slug)).toMatchObject({ polled_modules: polled_modules + 1 });
  });
});

describe('the share of an account in a stage', () => {
  const share = accountSlots(stages.poll.queue.concurrency, 75);
  const list = (account: string, { host }: HttpServer) =>
    withRegistry(
      services,
      { account, repository: `${host}/${account}/module`, purpose: 'poll' },
      ({ client, reference }) => client.listTags(reference.repository),
    ).then(
      () => 'done',
      (error: unknown) => (error instanceof BudgetSpent ? 'put off' : 'failed'),
    );

  it('keeps places for others while its registries do not respond', async () => {
    const [slow, quick] = await Promise.all([
      startHttpServer(() => undefined),
      startHttpServer((_, response) => sendJson(response, { name: 'module', tags: [] })),
    ]);
    const account = `slow-${randomBytes(4).toString('hex')}`;
    const asked = Array.from({ length: stages.poll.queue.concurrency }, () => list(account, slow));

    await expect.poll(() => slow.requests.length, { timeout: 9000 }).toBe(share);
    expect(await list(account, slow)).toBe('put off');
    expect(await list(`other-${account}`, quick)).toBe('done');

    await slow.stop();
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === 'put off')).toHaveLength(
      stages.poll.queue.concurrency - share,
    );
    expect(await list(account, quick)).toBe('done');
    await quick.stop();
  });

  it('has no bound where the deployment sets none', async () => {
    const quick = await startHttpServer((_, response) =>
      sendJson(response, { name: 'module', tags: [] }),
    );
    const account = `alone-${randomBytes(4).toString('hex')}`;
    const ask = { account, stage: 'poll', nowMs: Date.now(), untilMs: Date.now() + 60_000 };
    for (let i = 0; i < share; i++)
      expect(await takeSlot(services.db, { ...ask, id: `w${i}`, most: share })).toBe(true);
    expect(await list(account, quick)).toBe('put off');

    const settings = { ...services.settings, accountSharePercent: 100 };
    const access = {
      account,
      repository: `${quick.host}/${account}/module`,
      purpose: 'poll',
    } as const;
    const tags = await withRegistry({ ...services, settings }, access, ({ client, reference }) =>
      client.listTags(reference.repository),
    );
    expect(tags).toBeDefined();
    await quick.stop();
  });

  it('gets the places back of workers that died', async () => {
    const account = `dead-${randomBytes(4).toString('hex')}`;
    const ask = (id: string, nowMs = now) => ({
      ...{ account, stage: 'poll', id, nowMs, untilMs: nowMs + 60_000 },
      most: share,
    });

    for (let i = 0; i < share; i++) expect(await takeSlot(services.db, ask(`w${i}`))).toBe(true);
    expect(await takeSlot(services.db, ask('more'))).toBe(false);
    await endSlot(services.db, ask('w0'));
    expect(await takeSlot(services.db, ask('more'))).toBe(true);
    expect(await takeSlot(services.db, ask('late', now + 60_001))).toBe(true);
  });
});

describe('work at a registry', () => {
  it('is paused for the account whose credentials a registry limits, for no other', async () => {
    const host = newHost();
    const begins = async (account: string, credentials: 'own' | 'none', status = 200) => {
      const requester = { host, account, credentials };
      const work = withinBudget(services, requester, 'verify', async ({ onRequest }) =>
        onRequest({
          method: 'GET',
          url: `https://${host}/v2/`,
          status,
          headers: { 'retry-after': '60' },
          foreign: false,
        }),
      );
      return work.then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof BudgetSpent)) throw error;
          return false;
        },
      );
    };

    expect(await begins('noisy', 'own', 429)).toBe(true);
    expect(await begins('noisy', 'own')).toBe(false);
    expect(await begins('quiet', 'own')).toBe(true);
    expect(await begins('quiet', 'none')).toBe(true);

    expect(await begins('quiet', 'none', 429)).toBe(true);
    expect(await begins('other', 'own')).toBe(false);
  });

  it('whose budget is spent is delayed by a message, and not done', async () => {
    const parked = await alone(services);
    const host = newHost();
    const paused = { scope: 'all' as const, untilMs: Date.now() + 60_000 };

    await pauseHost(parked.db, host, 1, paused);
    let done = 0;
    const work = () =>
      withinBudget(parked, { host, ...anonymous }, 'poll', async () => {
        done += 1;
      });

    await orLater(parked, 'poll', { account: 'a', module: 'm' }, work);
    expect(done).toBe(0);
    await expect(work()).rejects.toMatchObject({ waitSeconds: expect.closeTo(60, -1) });
  });

  it('never asks faster than the budget, with any number of workers', async () => {
    const host = newHost();
    const budgets = { [host]: { requests_per_second: 20, concurrency: 4 } };
    const slow = { ...services, settings: { ...services.settings, budgets } };
    const started = performance.now();
    let requests = 0;

    const worker = async () => {
      while (performance.now() - started < 4000) {
        await withinBudget(slow, { host, ...anonymous }, 'poll', async ({ beforeRequest }) => {
          for (let i = 0; i < 3; i++) {
            await beforeRequest();
            requests += 1;
          }
        }).catch(() => new Promise((resolve) => setTimeout(resolve, 100)));
      }
    };

    await Promise.all(Array.from({ length: 8 }, worker));
    const seconds = (performance.now() - started) / 1000;

    // Two seconds' burst, and what four workers have begun at its end.
    expect(requests).toBeLessThanOrEqual(20 * (seconds + 2) + 16);
    expect(requests).toBeGreaterThan(60);
  });
});
