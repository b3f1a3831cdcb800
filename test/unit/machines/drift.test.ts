import { describe, expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  driftOf,
  type Instance,
  type InstanceReport,
} from '../../../shared/domain/machines/index.ts';
import { instanceOf } from '../../support/instance.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const signed = '2026-01-01T12:00:00.000Z';
const minutes = (count: number) => new Date(Date.parse(signed) + count * 60_000);

const report: InstanceReport = {
  status: 'unchanged',
  code: null,
  message: null,
  desired_state_version: 7,
  composition_digest: digest('1'),
  running_module_digests: { redis: digest('a') },
  health: 'healthy',
  agent_version: '1',
  healthy_since: null,
  at: minutes(1).toISOString(),
};

const instance = instanceOf({
  id: 'ins_web',
  name: 'web',
  desired_version: 7,
  desired_composition: digest('1'),
  desired_modules: { redis: digest('a') },
  desired_signed_at: signed,
  report,
  created_at: signed,
  updated_at: signed,
});

/** What a machine says that still runs the desired state before the last one. */
const earlier: Partial<InstanceReport> = {
  desired_state_version: 6,
  composition_digest: digest('2'),
  running_module_digests: { redis: digest('b') },
};
const before = { at: minutes(-1).toISOString() };
const silent = limits.agentSilentMs / 60_000;
const pending = limits.agentPendingMs / 60_000;

interface Row {
  when: string;
  row?: Partial<Instance>;
  says?: Partial<InstanceReport> | null;
  after?: number;
  is: [standing: string, reason: string];
}

const rows: Row[] = [
  { when: 'it runs what it should', is: ['in_sync', 'none'] },
  {
    when: 'it has no desired state',
    row: { desired_version: 0 },
    is: ['pending', 'no_desired_state'],
  },
  { when: 'it never reported', says: null, is: ['pending', 'never_reported'] },
  { when: 'it never reported for hours', says: null, after: silent + 1, is: ['silent', 'silent'] },
  {
    when: 'nobody enrolled it for hours',
    row: { state: 'awaiting_enrolment' },
    says: null,
    after: silent + 1,
    is: ['pending', 'never_reported'],
  },
  { when: 'its last report is three hours old', after: silent + 1, is: ['in_sync', 'none'] },
  { when: 'its last report is older', after: silent + 2, is: ['silent', 'silent'] },
  {
    when: 'it refused, and is silent now',
    says: { status: 'refused' },
    after: silent + 2,
    is: ['silent', 'silent'],
  },
  { when: 'it refuses', says: { status: 'refused' }, is: ['drifted', 'refused'] },
  {
    when: 'it refused before the last change',
    says: { ...earlier, ...before, status: 'refused' },
    is: ['drifted', 'refused'],
  },
  {
    when: 'it has not looked since the last change',
    says: { ...earlier, ...before },
    after: 60,
    is: ['pending', 'pending'],
  },
  {
    when: 'it has not looked since a change of its metadata alone',
    says: { ...before, desired_state_version: 6 },
    after: 60,
    is: ['pending', 'pending'],
  },
  {
    when: 'it reported meanwhile and may be fetching',
    says: earlier,
    after: pending,
    is: ['pending', 'pending'],
  },
  {
    when: 'it reported meanwhile and had the time to fetch',
    says: earlier,
    after: pending + 1,
    is: ['drifted', 'modules'],
  },
  {
    when: 'it has looked and runs other modules',
    says: { running_module_digests: { redis: digest('b') } },
    is: ['drifted', 'modules'],
  },
  {
    when: 'it runs a module more',
    says: { running_module_digests: { redis: digest('a'), nginx: digest('b') } },
    is: ['drifted', 'modules'],
  },
  {
    when: 'it runs a module less',
    says: { running_module_digests: {} },
    is: ['drifted', 'modules'],
  },
  {
    when: 'it runs the modules otherwise composed',
    says: { composition_digest: digest('3') },
    is: ['drifted', 'composition'],
  },
  {
    when: 'it was tampered with and repaired',
    says: {
      status: 'applied',
      code: 'root_tampered',
      composition_digest: null,
      running_module_digests: {},
    },
    is: ['in_sync', 'repaired'],
  },
  {
    when: 'it was tampered with and not repaired',
    says: { status: 'refused', code: 'root_tampered', running_module_digests: {} },
    is: ['drifted', 'refused'],
  },
  {
    when: 'the same content was signed again, and it reported since',
    says: { desired_state_version: 6 },
    after: pending + 1,
    is: ['in_sync', 'none'],
  },
];

describe('a machine', () => {
  it.each(rows)('is $is when $when', ({ row, says, after = 2, is }) => {
    const facts = { ...instance, ...row, report: says === null ? null : { ...report, ...says } };
    const found = driftOf(facts, minutes(after));

    expect([found.standing, found.reason]).toEqual(is);
    expect(found.drift).toBe(is[0] === 'drifted');
  });

  it('is compared by own names, whatever a machine reports', () => {
    const running_module_digests = { constructor: digest('c'), redis: digest('a') };
    const { modules, reason } = driftOf(
      { ...instance, report: { ...report, running_module_digests } },
      minutes(2),
    );

    expect(reason).toBe('modules');
    expect(modules).toContainEqual({
      module: 'constructor',
      desired: null,
      running: digest('c'),
    });
  });
});
