import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { healthySince, type InstanceReport } from '../../../shared/domain/machines/index.ts';
import type { Approval } from '../../../shared/domain/operations/index.ts';
import type { Repository } from '../../../shared/domain/poll/index.ts';
import {
  evidenceFor,
  formatEvidence,
  mailOfWarnings,
  mailsOf,
  nextStep,
  type StagedVersion,
  sensors,
  type Warning,
} from '../../../shared/domain/upkeep/index.ts';
import { instanceOf } from '../../support/instance.ts';
import { storedVersion } from '../../support/stored.ts';

const start = '2026-01-01T00:00:00.000Z';
const hours = (count: number) => new Date(Date.parse(start) + count * 3_600_000);
const at = (count: number) => hours(count).toISOString();
const nothing = { machines: 0, healthy_hours: 0, suffices: false };

describe('module_promotion_sensor', () => {
  const staged: StagedVersion = {
    version: storedVersion('acme', 'redis', '1.0.0', { state_changed_at: start }),
    requested_at: null,
    awaiting: false,
    evidence: nothing,
  };
  const judge = (row: StagedVersion, after: number) =>
    sensors.module_promotion_sensor.judge(row, hours(after));
  const of = (more: object): StagedVersion => ({
    ...staged,
    version: { ...staged.version, ...more },
  });

  it('warns after a day in staging, and not within it', () => {
    expect(judge(staged, 24)).toBeNull();
    expect(judge(staged, 24.01)).toMatchObject({
      subject: `version/${staged.version.id}`,
      module: 'redis',
      since: start,
      evidence: nothing,
      message: expect.stringContaining('gantry module promote redis@1.0.0 --to blessed'),
    });
  });

  it('counts from the last request of an operator, even one that failed', () => {
    expect(judge({ ...staged, requested_at: at(10) }, 30)).toBeNull();
    expect(judge({ ...staged, requested_at: at(10) }, 34.01)).toMatchObject({ since: at(10) });
    expect(judge({ ...staged, requested_at: at(-10) }, 25)).toMatchObject({ since: start });
  });

  it.each([
    ['that waits for a reviewer', { ...staged, awaiting: true }],
    ['that is no longer in staging', of({ promotion_state: 'blessed' })],
    ['that is quarantined', of({ quarantined: true })],
    ['that is held', of({ withheld: { held: { reason: 'x', by: 'x', at: start } } })],
  ])('is silent about a version %s', (_, row) => {
    expect(judge(row, 1000)).toBeNull();
  });
});

describe('evidence', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const report = (since: string | null, more: Partial<InstanceReport> = {}): InstanceReport => ({
    status: 'unchanged',
    code: null,
    message: null,
    desired_state_version: 1,
    composition_digest: null,
    running_module_digests: { redis: digest },
    health: 'healthy',
    agent_version: '1',
    at: at(48),
    healthy_since: since === null ? null : { all: since, newer: {} },
    ...more,
  });
  const of = (...reports: (InstanceReport | null)[]) =>
    evidenceFor('redis', new Set([digest]), reports);

  it('counts machines that report the digest healthy, and takes the longest of them', () => {
    expect(of(report(at(40)), report(at(20)), report(null), null)).toEqual({
      machines: 2,
      healthy_hours: 28,
      suffices: true,
    });
  });

  it('ends with the last report: nobody knows what a silent machine did since', () => {
    expect(of(report(at(0), { at: at(23) }))).toMatchObject({ healthy_hours: 23, suffices: false });
    expect(of(report(at(0), { at: at(24) }))).toMatchObject({ suffices: true });
  });

  it('takes no other digest and no inherited name', () => {
    const other = { running_module_digests: { redis: `sha256:${'b'.repeat(64)}` } };
    expect(of(report(at(0), other))).toEqual(nothing);
    expect(evidenceFor('constructor', new Set([digest]), [report(at(0))])).toEqual(nothing);
  });

  it('is said in one sentence', () => {
    expect(formatEvidence(nothing)).toMatch(/No machine reports it healthy/);
    expect(formatEvidence({ machines: 1, healthy_hours: 3, suffices: false })).toMatch(
      /1 machine runs it healthy, the longest for 3 h: that does not suffice yet/,
    );
    expect(formatEvidence({ machines: 4, healthy_hours: 30, suffices: true })).toMatch(
      /4 machines .* 30 h: that suffices to promote it/,
    );
  });

  it.each([
    ['goes on while the digest stays', {}, at(40)],
    ['begins again with another digest', { running_module_digests: { redis: 'other' } }, at(49)],
    ['begins again after reports were missing', { at: at(52) }, at(52)],
  ])('%s', (_, next, since) => {
    const healthy_since = healthySince(report(at(40)), { ...report(null), at: at(49), ...next });
    const then = { ...report(null), at: at(72), ...next, healthy_since };
    const digests = new Set(Object.values(then.running_module_digests));
    const hours = (Date.parse(then.at) - Date.parse(since)) / 3_600_000;
    expect(evidenceFor('redis', digests, [then]).healthy_hours).toBe(hours);
  });

  it('begins with the first report, and ends when the machine is not healthy', () => {
    expect(healthySince(null, report(null))).toEqual({ all: at(48), newer: {} });
    expect(healthySince(report(at(40)), report(null, { health: 'degraded' }))).toBeNull();
    expect(evidenceFor('redis', new Set([digest]), [report(null)])).toEqual(nothing);
  });

  it('counts a module from its last change, and all of them after too many changes', () => {
    const names = Array.from({ length: limits.healthyModulesMax + 1 }, (_, i) => `m${i}`);
    const running = (count: number) => ({
      running_module_digests: {
        redis: digest,
        ...Object.fromEntries(names.slice(0, count).map((name) => [name, digest])),
      },
      at: at(49),
    });

    const before = report(at(40));
    expect(healthySince(before, report(null, running(1)))).toEqual({
      all: at(40),
      newer: { m0: at(49) },
    });
    expect(healthySince(before, report(null, running(names.length)))).toEqual({
      all: at(49),
      newer: {},
    });
  });
});

describe('poll_sensor', () => {
  const poll = { succeeded_at: null, code: 'registry_unreachable', message: 'no route' };
  const judge = (succeeded_at: string | null, after: number) =>
    sensors.poll_sensor.judge(
      {
        module: 'redis',
        polled_since: start,
        poll: { ...poll, succeeded_at } as unknown as Repository,
      },
      hours(after),
    );

  it('warns an hour after the last success, or after the registration', () => {
    expect(judge(null, 1)).toBeNull();
    expect(judge(null, 1.01)).toMatchObject({ subject: 'module/redis', since: start });
    expect(judge(at(5), 6)).toBeNull();
    expect(judge(at(5), 6.01)).toMatchObject({
      since: at(5),
      message: expect.stringContaining('registry_unreachable: no route'),
    });
  });
});

describe('approval_sensor', () => {
  const judge = (life: number, after: number, state: Approval['state'] = 'pending') =>
    sensors.approval_sensor.judge(
      {
        id: 'apr_1',
        state,
        summary: 'promote redis',
        created_at: start,
        expires_at: at(life),
      } as Approval,
      hours(after),
    );

  it('warns a day before the end, or at half of a shorter life', () => {
    expect(judge(72, 47)).toBeNull();
    expect(judge(72, 48)).toMatchObject({ subject: 'approval/apr_1', since: at(48) });
    expect(judge(10, 4)).toBeNull();
    expect(judge(10, 5)).toMatchObject({ since: at(5) });
  });

  it('is silent about a request that is decided or over', () => {
    expect(judge(72, 60, 'approved')).toBeNull();
    expect(judge(72, 72)).toBeNull();
  });
});

describe('the sensors of machines and templates', () => {
  const silentAfter = limits.agentSilentMs / 3_600_000;
  const machine = instanceOf({
    id: 'ins_1',
    name: 'web-1',
    desired_version: 1,
    desired_signed_at: start,
    updated_at: start,
  });

  it('machine_sensor warns of a machine that is silent, unless it left', () => {
    const judge = (row = machine, after = silentAfter + 1) =>
      sensors.machine_sensor.judge(row, hours(after));
    expect(judge()).toMatchObject({ subject: 'instance/ins_1', since: start });
    expect(judge(machine, 1)).toBeNull();
    expect(judge({ ...machine, state: 'decommissioned' })).toBeNull();
    expect(judge({ ...machine, state: 'awaiting_enrolment' })).toBeNull();
  });

  it('template_sensor warns of a failure that is open for an hour', () => {
    const failure = {
      account: 'acme',
      template_id: 'tpl_1',
      template: 'web',
      track: 'live' as const,
      code: 'composition_unsatisfied' as const,
      message: 'no version',
      since: start,
    };
    expect(sensors.template_sensor.judge(failure, hours(1))).toBeNull();
    expect(sensors.template_sensor.judge(failure, hours(1.01))).toMatchObject({
      subject: 'template/tpl_1/live',
      message: expect.stringContaining('no version (composition_unsatisfied)'),
    });
  });

  it('desired_state_sensor warns of a machine that gets nothing new for an hour', () => {
    const desired_error = { code: 'version_quarantined' as const, message: 'x', since: start };
    const held = { ...machine, desired_error };
    const judge = (row: typeof held, after: number) =>
      sensors.desired_state_sensor.judge(row, hours(after));
    expect(judge(held, 1)).toBeNull();
    expect(judge(held, 1.01)).toMatchObject({ subject: 'instance/ins_1', since: start });
    expect(judge({ ...held, state: 'decommissioned' }, 2)).toBeNull();
    expect(sensors.desired_state_sensor.judge(machine, hours(2))).toBeNull();
  });
});

describe('a warning', () => {
  const found = { subject: 'module/a', module: 'a', since: start, message: 'm', evidence: null };
  const open: Warning = {
    ...found,
    account: 'acme',
    sensor: 'poll_sensor',
    first_warned_at: start,
    warned_at: start,
    mail_due_at: null,
    revision: 1,
  };
  const next = (was: Warning | null, now: typeof found | null, after: number, mails = true) =>
    nextStep(was, now, { now: hours(after), mails });

  it('begins with its cause, and ends with it', () => {
    expect(next(null, null, 1)).toBeNull();
    expect(next(null, found, 1)).toMatchObject({
      verb: 'warn',
      set: { first_warned_at: at(1), warned_at: at(1), mail_due_at: at(1.5) },
    });
    expect(next(open, null, 1)).toEqual({ verb: 'clear' });
  });

  it('is repeated after a day, and not before', () => {
    expect(next(open, found, 23.9)).toBeNull();
    expect(next(open, found, 24)).toMatchObject({
      verb: 'warn',
      set: { first_warned_at: start, warned_at: at(24) },
    });
  });

  it('shows what is so now, without another event', () => {
    expect(next(open, { ...found, message: 'n' }, 2)).toEqual({
      verb: 'refresh',
      set: { message: 'n', evidence: null },
    });
  });

  it('is not mailed where the account said so', () => {
    expect(next(null, found, 1, false)).toMatchObject({ set: { mail_due_at: null } });
    expect(mailsOf({ mails: {} }, 'poll_sensor')).toBe(true);
    expect(mailsOf({ mails: { poll_sensor: false } }, 'poll_sensor')).toBe(false);
    expect(mailsOf({ mails: { poll_sensor: false } }, 'machine_sensor')).toBe(true);
  });

  it('is in a mail that stays short', () => {
    const many = Array.from({ length: limits.warningsMailedMax + 3 }, () => open);
    const { subject, text } = mailOfWarnings(many);
    expect(subject).toBe(`${many.length} warnings`);
    expect(text).toContain('3 more are not in this mail.');
    expect(mailOfWarnings([open]).subject).toBe('1 warning');
  });
});
