import { describe, expect, it } from 'vitest';
import { requireWay } from '../../../agent/way.ts';

describe('the way of a machine', () => {
  const whole = { isRoot: true, hasSystemd: true };

  it('can be a directory anywhere, and another one as root under systemd', () => {
    requireWay('directory', { isRoot: false, hasSystemd: false });
    requireWay('services', whole);
    requireWay('root', { isRoot: true, hasSystemd: false });
  });

  it.each([
    ['services', { ...whole, isRoot: false }, /expected to run as root/],
    ['root', { ...whole, isRoot: false }, /expected to run as root/],
    ['services', { ...whole, hasSystemd: false }, /expected systemd as the init/],
  ] as const)('is refused where the machine lacks something: %s %j', (way, facts, message) => {
    const refused = expect.objectContaining({
      code: 'prerequisite_missing',
      message: expect.stringMatching(message),
    });
    expect(() => requireWay(way, facts)).toThrow(refused);
  });
});
