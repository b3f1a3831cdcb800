import { describe, expect, it } from 'vitest';
import { isGivenUp, presenceOf } from '../../../shared/domain/compose/index.ts';

it.each([
  { choices: 1, inPlace: false, keptOut: false, givenUp: false, presence: 'offered' },
  { choices: 1, inPlace: true, keptOut: false, givenUp: true, presence: 'offered' },
  { choices: 0, inPlace: false, keptOut: false, givenUp: false, presence: 'never_there' },
  { choices: 0, inPlace: false, keptOut: true, givenUp: false, presence: 'kept_out' },
  { choices: 0, inPlace: true, keptOut: false, givenUp: true, presence: 'given_up' },
  { choices: 0, inPlace: true, keptOut: false, givenUp: false, presence: 'lost' },
] as const)(
  'an assigned module with $choices versions, in place: $inPlace, kept out: $keptOut, given up: $givenUp is $presence',
  ({ presence, ...facts }) => {
    expect(presenceOf(facts)).toBe(presence);
  },
);

describe('a version that machines have is given up', () => {
  it('where it was withdrawn by name, on every track', () => {
    for (const track of ['live', 'blessed', 'staging'] as const)
      expect(isGivenUp({ promotion_state: 'retired', withdrawn: true }, track)).toBe(true);
  });

  it.each([
    ['live', 'retired', false],
    ['live', 'blessed', false],
    ['blessed', 'retired', false],
    ['blessed', 'built', false],
    ['staging', 'retired', true],
    ['staging', 'built', true],
    ['staging', 'blessed', false],
  ] as const)('on track %s, being %s: %s', (track, promotion_state, expected) => {
    expect(isGivenUp({ promotion_state }, track)).toBe(expected);
  });
});
