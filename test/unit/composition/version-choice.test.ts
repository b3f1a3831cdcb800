import { describe, expect, it } from 'vitest';
import {
  chooseVersion,
  versionChoices,
  wantedCapability,
} from '../../../shared/composition/index.ts';
import { isSecondary, parseConstraint } from '../../../shared/composition/version-choice.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { type Track, tracks } from '../../../shared/domain/templates/index.ts';
import { version } from './factory.ts';

function choose(versions: Version[], track: Track, constraint: string | null): string | null {
  return chooseVersion(versions, track, constraint)?.version_string ?? null;
}

const superseded = { promotion_state: 'blessed', was_live: true } as const;

describe('chooseVersion on live', () => {
  it('gives the newest live version that satisfies the constraint', () => {
    const versions = [version('1.2.0'), version('1.10.0'), version('2.0.0')];
    expect(choose(versions, 'live', null)).toBe('2.0.0');
    expect(choose(versions, 'live', '^1.0')).toBe('1.10.0');
    expect(choose(versions, 'live', '^3.0')).toBeNull();
  });

  it('orders equal versions by their time of ingest', () => {
    const first = version('0.0.0+git.aaaaaaaaaaaa', {
      id: 'first',
      ingested_at: '2026-01-01T00:00:00.000Z',
    });
    const later = version('0.0.0+git.000000000000', {
      id: 'later',
      ingested_at: '2026-01-02T00:00:00.000Z',
    });

    expect(chooseVersion([later, first], 'live', null)?.id).toBe('later');
  });

  it('gives nothing of a module that never had a live version', () => {
    const versions = [
      version('1.0.0', { promotion_state: 'blessed' }),
      version('1.2.0', { promotion_state: 'staging' }),
    ];

    for (const constraint of [null, '*', '1.0.0', '^1.0'])
      expect(choose(versions, 'live', constraint)).toBeNull();
    expect(versionChoices(versions, 'live')).toEqual([]);
  });

  it('never falls from live back to merely blessed', () => {
    const blessed = version('1.1.0', { promotion_state: 'blessed' });
    expect(
      choose(
        [version('1.0.0', { promotion_state: 'retired', was_live: true }), blessed],
        'live',
        null,
      ),
    ).toBeNull();

    expect(choose([version('1.0.0', { quarantined: true }), blessed], 'live', '^1.0')).toBeNull();
    expect(choose([version('1.0.0'), blessed], 'live', '^1.1')).toBeNull();
  });

  it.each(['live', 'staging'] as const)(
    'never gives a held version on track %s, whatever the constraint is',
    (track) => {
      const held = version('1.1.0', { ...superseded, held: true });
      expect(choose([version('1.0.0'), held], track, null)).toBe('1.0.0');
      expect(choose([version('1.0.0'), held], track, '1.1.0')).toBeNull();
    },
  );

  it('resolves a superseded version where the constraint asks for it', () => {
    const versions = [version('1.0.0', superseded), version('2.0.0')];
    expect(choose(versions, 'live', '^1.0')).toBe('1.0.0');
    expect(choose(versions, 'live', '>=1.0')).toBe('2.0.0');
    expect(choose(versions, 'live', null)).toBe('2.0.0');
  });

  it('does not take a superseded version that nothing asks for', () => {
    const retired = version('2.0.0', { promotion_state: 'retired', was_live: true });
    for (const constraint of [null, '*', '']) {
      expect(choose([version('1.0.0', superseded), retired], 'live', constraint)).toBeNull();
    }

    expect(
      choose(
        [version('1.0.0', superseded), version('1.1.0', { quarantined: true })],
        'live',
        '^1.0',
      ),
    ).toBeNull();
  });

  it('does not take a superseded version that is quarantined, even if the constraint asks for it', () => {
    const versions = [version('1.0.0', { ...superseded, quarantined: true }), version('2.0.0')];
    expect(choose(versions, 'live', '^1.0')).toBeNull();
    expect(versionChoices(versions, 'live').map((one) => one.version_string)).toEqual(['2.0.0']);
  });

  it('hands out pre-releases that are live, unless a range leaves them out', () => {
    expect(choose([version('1.0.0-rc.1')], 'live', null)).toBe('1.0.0-rc.1');
    expect(choose([version('1.0.0-rc.1')], 'live', '*')).toBeNull();
    expect(choose([version('1.0.0-rc.1'), version('0.9.0')], 'live', '*')).toBe('0.9.0');
    expect(choose([version('1.0.0-rc.1')], 'live', '>=0.1')).toBeNull();
  });
});

describe('chooseVersion on blessed', () => {
  it('gives the newest of blessed and live', () => {
    const live = version('1.0.0');
    const blessed = version('1.1.0', { promotion_state: 'blessed' });
    const staging = version('1.2.0', { promotion_state: 'staging' });

    expect(choose([live, blessed, staging], 'blessed', null)).toBe('1.1.0');
    expect(choose([live, staging], 'blessed', null)).toBe('1.0.0');
    expect(choose([live, blessed, staging], 'blessed', '1.2.0')).toBeNull();
  });
});

describe('chooseVersion on staging', () => {
  it('gives the newest of staging, blessed and live', () => {
    const live = version('1.0.0');
    const blessed = version('1.1.0', { promotion_state: 'blessed' });
    const staging = version('1.2.0', { promotion_state: 'staging' });

    expect(choose([live, blessed, staging], 'staging', null)).toBe('1.2.0');
    expect(choose([live, blessed], 'staging', null)).toBe('1.1.0');
    expect(choose([live, blessed, staging], 'staging', '1.0.x')).toBe('1.0.0');
  });
});

describe.each(tracks)('chooseVersion on %s', (track) => {
  it.each(['built', 'retired'] as const)('never hands out what is %s', (promotion_state) => {
    expect(choose([version('1.0.0', { promotion_state })], track, null)).toBeNull();
  });

  it.each(['staging', 'blessed', 'live'] as const)(
    'never hands out what is quarantined, though %s',
    (promotion_state) => {
      expect(
        choose([version('1.0.0', { promotion_state, quarantined: true })], track, null),
      ).toBeNull();
    },
  );

  it('knows of a quarantined version that would be handed out', () => {
    const promotion_state = track;
    const [choice] = versionChoices(
      [version('1.0.0', { promotion_state, quarantined: true })],
      track,
    );

    expect(choice).toMatchObject({ version_string: '1.0.0', standing: 'withheld' });
  });
});

describe('a constraint', () => {
  it.each(['*', ' x ', 'X', '', '  '])('%j means any version but a pre-release', (text) => {
    const { any, allows } = parseConstraint(text);
    expect([any, allows('1.0.0'), allows('1.0.0-rc.1')]).toEqual([true, true, false]);
  });

  it.each(['^1.0', '**', 'x.y', 'no range'])('%j does not mean any version', (text) => {
    expect(parseConstraint(text).any).toBe(false);
  });

  it('that is not a range allows nothing', () => {
    const { allows } = parseConstraint('no range');
    expect([allows('1.0.0'), allows('1.0.0')]).toEqual([false, false]);
  });
});

describe('the standing of a version', () => {
  it('is secondary where only a constraint asks for it', () => {
    const standings = ['offered', 'withheld', 'superseded', 'unapproved'] as const;
    expect(standings.filter(isSecondary)).toEqual(['superseded', 'unapproved']);
  });

  it.each(['retired', 'staging', 'built'] as const)(
    'is none on live for a %s version that was live',
    (promotion_state) => {
      const versions = [version('1.0.0', { promotion_state, was_live: true })];
      expect(versionChoices(versions, 'live')).toEqual([]);
    },
  );
});

describe('a capability that is wanted in a version', () => {
  const choice = { id: 'ver', version_string: '9.0.0', standing: 'offered' } as const;
  const offer = (capability: string, stated: string | null) => ({ capability, version: stated });
  const wanted = wantedCapability('capability:smtp', '^2.0');

  it.each([
    ['one of two stated versions', [offer('smtp', '1.0.0'), offer('smtp', '2.1.0')], true],
    ['another stated version', [offer('smtp', '1.0.0')], false],
    ['the version of another capability', [offer('smtp', '1.0.0'), offer('imap', '2.0.0')], false],
    ['no stated version, and the module has another', [offer('smtp', null)], false],
    ['another capability', [offer('imap', '2.0.0')], false],
  ])('by %s is met or not', (_what, offers, met) => {
    expect(wanted.isMetBy(choice, offers)).toBe(met);
  });
});
