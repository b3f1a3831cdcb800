import { describe, expect, it } from 'vitest';
import { refuseUnreviewed } from '../../../shared/actions/operations/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';

describe('a machine that is created on another track than live', () => {
  const now = new Date('2026-01-02T23:00:00.000Z');
  const nightly = { from: '22:00', to: '06:00', time_zone: 'UTC' };
  const refuse = (set: Partial<ReturnType<typeof defaultPolicy>>) => () =>
    refuseUnreviewed(
      { name: 'web-1', track: 'staging' },
      { ...defaultPolicy('instance_track_change'), ...set },
      now,
    );

  it('needs what moving it there needs, and says how to get there', () => {
    expect(refuse({})).toThrow(
      expect.objectContaining({
        code: 'approval_required',
        message: expect.stringContaining('gantry instance update web-1 --track staging'),
      }),
    );
  });

  it('is created where nobody is asked', () => {
    expect(refuse({ decision: 'allow' })).not.toThrow();
  });

  it('is refused where the policy denies or freezes', () => {
    const denied = expect.objectContaining({ code: 'policy_denied' });
    expect(refuse({ decision: 'deny' })).toThrow(denied);
    const frozen = expect.objectContaining({ code: 'frozen' });
    expect(refuse({ decision: 'allow', freeze_windows: [nightly] })).toThrow(frozen);
  });
});
