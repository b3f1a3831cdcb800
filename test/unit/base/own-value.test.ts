import { expect, it } from 'vitest';
import { ownValue } from '../../../shared/base/own-value.ts';
import { hostBudget } from '../../../shared/domain/registries/index.ts';

it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
  'a table has nothing named %s unless it was put there',
  (name) => {
    expect(ownValue({ a: 1 }, name)).toBeUndefined();
    expect(hostBudget(name, {}, [])).toEqual(hostBudget('quay.io', {}, []));
    expect(ownValue(Object.fromEntries([[name, 1]]), name)).toBe(1);
  },
);
