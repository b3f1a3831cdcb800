import { describe, expect, it } from 'vitest';
import {
  type RunningContent,
  reportNothing,
  reportUnverified,
  reportVerified,
} from '../../../agent/report.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { agentReport } from '../../../shared/contract/machines/index.ts';
import type { VerifiedDesiredState } from '../../../shared/director/index.ts';
import { emptyState } from './machine-content.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const custom = emptyState({});

const desired: VerifiedDesiredState = {
  version: 3,
  expires: new Date('2099-01-01'),
  image: { length: 1, sha256: '2'.repeat(64) },
  state: custom,
};
const running: RunningContent = {
  config: {
    url: 'https://gantry.example',
    account: 'acme',
    instance: 'ins_1',
    writable_paths: ['/var'],
    on_decommission: 'keep',
    way: 'directory',
    layout: 'auto',
  },
  desired,
  leftOut: undefined,
  isNew: false,
  problems: [],
  isRepaired: true,
};
const problem = { path: '/etc/a', what: 'is missing', module: 'acme/a' };
const refused = {
  kind: 'refused',
  error: new GantryError('layer_mismatch', 'It is wrong.'),
} as const;
const expired = {
  kind: 'refused',
  error: new GantryError('desired_state_expired', 'It expired.'),
} as const;
const unreachable = {
  kind: 'unreachable',
  error: new GantryError('unavailable', 'It is away.'),
} as const;
const repaired = { code: 'store_tampered', message: 'The store was repaired.' } as const;

describe('a report of verified content', () => {
  it.each([
    ['nothing happened', {}, {}, ['unchanged', null, null, 'healthy']],
    ['it is new', { isNew: true }, {}, ['applied', null, null, 'healthy']],
    [
      'the store was repaired',
      {},
      { remarks: [repaired] },
      ['unchanged', 'store_tampered', 'The store was repaired.', 'degraded'],
    ],
    [
      'the root was repaired',
      { problems: [problem, problem] },
      { remarks: [repaired] },
      [
        'applied',
        'root_tampered',
        'The store was repaired. /etc/a is missing (and 1 more paths); the root was laid out again.',
        'degraded',
      ],
    ],
    [
      'the root could not be repaired',
      { problems: [problem], isRepaired: false },
      { because: refused },
      [
        'refused',
        'layer_mismatch',
        'It is wrong. /etc/a is missing; the root was not laid out again.',
        'degraded',
      ],
    ],
    [
      'a newer one is refused',
      {},
      { because: refused },
      ['refused', 'layer_mismatch', 'It is wrong.', 'degraded'],
    ],
    [
      'it expired',
      {},
      { because: expired },
      ['stale', 'desired_state_expired', 'It expired.', 'degraded'],
    ],
    [
      'none can be read',
      {},
      { because: unreachable },
      ['stale', 'unavailable', 'It is away.', 'degraded'],
    ],
  ] as const)('says so when %s', (_, changed, context, [status, code, message, health]) => {
    const report = reportVerified({ ...running, ...changed }, { remarks: [], ...context });
    expect(report).toMatchObject({ status, code, message, health, desired_state_version: 3 });
    const isWhole = !('problems' in changed);
    expect(report.composition_digest).toBe(isWhole ? custom.composition_digest : null);
  });
});

describe('a report without verified content', () => {
  const noted = {
    applied_version: 2,
    composition_digest: digest,
    running_module_digests: { a: digest },
  };

  it('says what was noted when it was applied', () => {
    expect(reportUnverified(noted, { because: refused, remarks: [] })).toMatchObject({
      status: 'refused',
      code: 'layer_mismatch',
      desired_state_version: 2,
      composition_digest: digest,
      running_module_digests: { a: digest },
      health: 'degraded',
    });
  });

  it('claims nothing when nothing runs', () => {
    expect(reportNothing(0, { because: unreachable, remarks: [] })).toMatchObject({
      status: 'stale',
      code: 'unavailable',
      composition_digest: null,
      running_module_digests: {},
      health: 'unknown',
    });
  });

  it.each(['x', '🚀', 'é\ud83d'])('is accepted however long the sentence of %j is', (part) => {
    for (const offset of [0, 1]) {
      const message = 'x'.repeat(offset) + part.repeat(limits.reportMessageMax);
      const report = reportNothing(0, { remarks: [{ code: 'store_tampered', message }] });
      expect(agentReport.parse(report)).toEqual(report);
      expect(report.message?.isWellFormed()).toBe(true);
    }
  });
});
