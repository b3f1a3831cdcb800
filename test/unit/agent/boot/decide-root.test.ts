import { describe, expect, it } from 'vitest';
import { decideRoot, type RootFacts } from '../../../../agent/boot/decide-root.ts';

const facts: RootFacts = {
  booted: 1,
  current: 2,
  trial: undefined,
  health: 'healthy',
  isServicesOnly: false,
  obstacle: undefined,
};
const trial = { generation: 2, previous: 1, boots: 1, looks: 0 };

describe('the root of a machine', () => {
  it.each([
    ['is left alone where it is no generation', { booted: undefined }, { kind: 'nothing' }],
    ['is left alone where it is current', { booted: 2 }, { kind: 'nothing' }],
    ['stays where only services changed', { isServicesOnly: true }, { kind: 'nothing' }],
    ['follows on trial', {}, { kind: 'soft-reboot', trial }],
    [
      'counts the boots of one that did not come up',
      { trial: { ...trial, boots: 2 } },
      { kind: 'soft-reboot', trial: { ...trial, boots: 3 } },
    ],
    [
      'is given up after three boots',
      { trial: { ...trial, boots: 3 } },
      { kind: 'return', failed: 2, to: 1 },
    ],
    [
      'is given up after three boots whatever else changed',
      { trial: { ...trial, boots: 3 }, isServicesOnly: true },
      { kind: 'return', failed: 2, to: 1 },
    ],
    [
      'waits for a boot where only that helps',
      { obstacle: 'Its systemd is 252.' },
      { kind: 'pending', trial: { ...trial, boots: 0 }, why: 'Its systemd is 252.' },
    ],
    [
      'begins a trial of its own when another one is wanted',
      { current: 3, trial: { ...trial, boots: 3 } },
      { kind: 'soft-reboot', trial: { ...trial, generation: 3 } },
    ],
  ] as const)('%s', (_, change, step) => {
    expect(decideRoot({ ...facts, ...change })).toEqual(step);
  });
});

describe('a root on trial', () => {
  const tried = { ...facts, booted: 2, trial };

  it.each([
    ['is accepted when it is healthy', {}, { kind: 'accept' }],
    [
      'is accepted when another one is wanted',
      { health: 'unhealthy', current: 3 },
      { kind: 'accept' },
    ],
    ['is not judged without the network', { health: 'unknown' }, { kind: 'nothing' }],
    ['has some looks', { health: 'unhealthy' }, { kind: 'wait', trial: { ...trial, looks: 1 } }],
    [
      'is left after the last look',
      { health: 'unhealthy', trial: { ...trial, looks: 4 } },
      { kind: 'return', failed: 2, to: 1 },
    ],
  ] as const)('%s', (_, change, step) => {
    expect(decideRoot({ ...tried, ...change })).toEqual(step);
  });
});
