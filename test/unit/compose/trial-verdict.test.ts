import { expect, it } from 'vitest';
import { judgeTrial } from '../../../shared/domain/compose/index.ts';

it.each([
  { before: true, after: true, verdict: 'composes' },
  { before: false, after: true, verdict: 'fixes' },
  { before: false, after: false, verdict: 'still_fails' },
  { before: true, after: false, verdict: 'breaks' },
] as const)(
  'a change is $verdict if it composes before: $before, after: $after',
  ({ verdict, ...composes }) => {
    expect(judgeTrial(composes)).toBe(verdict);
  },
);
