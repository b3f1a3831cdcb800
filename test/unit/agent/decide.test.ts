import { describe, expect, it } from 'vitest';
import type { Running } from '../../../agent/apply/running.ts';
import { decide } from '../../../agent/decide.ts';
import type { HeldDesiredState } from '../../../agent/fetch/desired-state.ts';
import type { NotReceived } from '../../../agent/fetch/receive.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { makeRoot } from '../../../shared/director/index.ts';
import { director } from './directors.ts';
import { emptyState } from './machine-content.ts';

const { publicKeyPem } = director();
const root = makeRoot({ publicKeyPem, expires: new Date('2099-01-01'), version: 1 });

function held(
  version: number,
  metadata: Record<string, unknown>,
  imageBytes = 1,
): HeldDesiredState {
  const image = { length: imageBytes, sha256: '2'.repeat(64) };
  const expires = new Date('2099-01-01');

  return {
    bytes: Buffer.from(String(version)),
    desired: { version, expires, image, state: emptyState(metadata) },
    root,
  };
}

function runs(of: HeldDesiredState): Running {
  const generation = { number: 1, path: '/generations/1', layout: 'copy' } as const;
  return { ...of, generation: { ...generation, desiredState: of.bytes } };
}

const one = held(1, { n: 1 });
const running = runs(one);
const signedAgain = held(2, { n: 1 });
const stated = held(2, { n: 1 });
stated.desired.state.generated_format = 1;
const changed = held(2, { n: 2 });
const otherImage = held(2, { n: 1 }, 2);
const refused: NotReceived = {
  kind: 'refused',
  error: new GantryError('desired_state_invalid', 'It is invalid.'),
};
const unreachable: NotReceived = {
  kind: 'unreachable',
  error: new GantryError('unavailable', 'It is not there.'),
};

describe('what follows from what was received and what runs', () => {
  it.each([
    ['new, nothing runs', { kind: 'new', held: one }, undefined, { kind: 'apply', wanted: one }],
    ['same, nothing runs', { kind: 'same', held: one }, undefined, { kind: 'apply', wanted: one }],
    ['new content', { kind: 'new', held: changed }, running, { kind: 'apply', wanted: changed }],
    [
      'the same bytes, whose content could not be applied before',
      { kind: 'same', held: changed },
      running,
      { kind: 'apply', wanted: changed },
    ],
    [
      'another image of the same state',
      { kind: 'new', held: otherImage },
      running,
      { kind: 'apply', wanted: otherImage },
    ],
    [
      'the same content, signed again',
      { kind: 'new', held: signedAgain },
      running,
      { kind: 'inspect', running, held: signedAgain },
    ],
    [
      'the same content, which now states its format',
      { kind: 'new', held: stated },
      running,
      { kind: 'inspect', running, held: stated },
    ],
    [
      'the same bytes',
      { kind: 'same', held: one },
      running,
      { kind: 'inspect', running, held: one },
    ],
    ['refused', refused, running, { kind: 'inspect', running, held: running, because: refused }],
    ['refused, nothing runs', refused, undefined, { kind: 'report', because: refused }],
    [
      'unreachable',
      unreachable,
      running,
      { kind: 'inspect', running, held: running, because: unreachable },
    ],
    ['unreachable, nothing runs', unreachable, undefined, { kind: 'report', because: unreachable }],
  ] as const)('%s', (_, received, runningNow, action) => {
    expect(decide(received, runningNow)).toEqual(action);
  });
});
