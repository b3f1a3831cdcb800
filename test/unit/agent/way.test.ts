import { describe, expect, it } from 'vitest';
import { requireWay } from '../../../agent/way.ts';

describe('the way of a machine', () => {
  const whole = { isRoot: true, hasSystemd: true };

  it('can be a directory anywhere, and another one as root under systemd', () => {
    requireWay('directory', { isRoot: false, hasSystemd: false });
    requireWay('services', whole);
    requireWay('root', whole);
  });

  it.each([
    [{ ...whole, isRoot: false }, /expected to run as root/],
    [{ ...whole, hasSystemd: false }, /expected systemd as the init/],
  ])('is refused where the machine lacks something: %j', (facts, message) => {
    for (const way of ['services', 'root'] as const) {
      const refused = expect.objectContaining({
        code: 'prerequisite_missing',
        message: expect.stringMatching(message),
      });
      expect(() => requireWay(way, facts)).toThrow(refused);
    }
  });
});
