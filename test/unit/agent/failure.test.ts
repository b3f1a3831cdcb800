import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { errnoOf, isExhausted, toGantryError } from '../../../agent/failure.ts';
import { GantryError } from '../../../shared/base/error.ts';

/** What a call throws. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('expected the call to throw');
}

const failed = await promisify(execFile)('false').catch((thrown: unknown) => thrown);
const overflow = (): number => overflow() + 1;

describe('what fails on a machine', () => {
  it.each([
    ['a system call', thrownBy(() => readFileSync('/nowhere/at/all')), 'io_error'],
    ['a program', failed, 'io_error'],
    ['a program that is waited for', thrownBy(() => execFileSync('false')), 'io_error'],
    ['a program that is not there', thrownBy(() => execFileSync('/nowhere')), 'io_error'],
    ['a tree that is too deep', thrownBy(overflow), 'io_error'],
    ['a fault of Gantry', thrownBy(() => JSON.parse('{')), 'internal'],
    ['a text', 'no reason', 'internal'],
  ])('as %s has a code and names its step', (_, cause, code) => {
    const error = toGantryError(cause, 'The report could not be sent');
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toMatch(/^The report could not be sent: .+\.$/);
  });

  it('with a code keeps it', () => {
    const coded = new GantryError('root_tampered', 'It was changed.');
    expect(toGantryError(coded, 'The tick failed')).toBe(coded);
  });
});

it.each([
  [Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT', false],
  [Object.assign(new Error('x'), { code: 'EMFILE' }), 'EMFILE', true],
  [Object.assign(new Error('x'), { code: 'ENFILE' }), 'ENFILE', true],
  [Object.assign(new Error('x'), { code: 'ENOMEM' }), 'ENOMEM', true],
  [Object.assign(new Error('x'), { code: 'ERR_EMFILE' }), undefined, false],
  [Object.assign(new Error('x'), { code: 'xENOENT' }), undefined, false],
  [Object.assign(new Error('x'), { code: 'ENOENT!' }), undefined, false],
  [Object.assign(new Error('x'), { code: 5 }), undefined, false],
  [new Error('x'), undefined, false],
  [undefined, undefined, false],
])('the system error %s is %s, and lacks resources: %s', (error, errno, exhausted) => {
  expect(errnoOf(error)).toBe(errno);
  expect(isExhausted(error)).toBe(exhausted);
});
