import { expect, it } from 'vitest';
import { formatLosses } from '../../../cli/commands/modules/update.ts';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import {
  type Action,
  chooseJudged,
  defaultPolicy,
  describeLosses,
  type TrustLoss,
} from '../../../shared/domain/operations/index.ts';
import { registration } from './change-factory.ts';

const use = (template: string) => ({
  template_id: `tpl_${template}`,
  template,
  track: 'live' as const,
  machines: 2,
});
const loss = (version: string, ...templates: string[]): TrustLoss => ({
  version_id: `ver_${version}`,
  version,
  promotion_state: 'live',
  code: 'key_mismatch',
  message: 'signed by another key',
  uses: templates.map(use),
});

it('what a change of trust would quarantine is one sentence with the first places', () => {
  expect(describeLosses('redis', [loss('1.0.0', 'web'), loss('1.1.0', 'cache')])).toBe(
    'by the signatures that Gantry keeps, the change would quarantine redis 1.0.0, redis 1.1.0, in use by template web (live, 2 machines), template cache (live, 2 machines)',
  );
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const last = 'template e (live, 2 machines)';
  const endsWith = (end: string) =>
    expect.stringMatching(new RegExp(`${end.replace(/[()]/g, '\\$&')}$`));
  expect(describeLosses('redis', [loss('1.0.0', ...many)])).toEqual(endsWith(`${last} and 2 more`));
  expect(describeLosses('redis', [loss('1.0.0', ...many.slice(0, 5))])).toEqual(endsWith(last));
});

it('the dry run lists versions with the reason and where they are in use', () => {
  const preview = { action: 'module_change', loosens_trust: false, not_judged: 0 };
  const text = formatLosses('redis', { ...preview, losses: [loss('1.0.0', 'web'), loss('0.9.0')] });
  expect(text).toMatch(/1\.0\.0 +live +signed by another key +web \(live\) +2/);
  expect(text).toMatch(/0\.9\.0 +live +signed by another key +- +-/);
  expect(text).toContain('The change needs the policy of module_change.');
  expect(formatLosses('redis', { ...preview, losses: [] })).toContain(
    'No version of redis would be quarantined.',
  );
});

it('a change that quarantines by name meets the policy of a quarantine too', async () => {
  const strict = async (action: Action) => ({
    ...defaultPolicy(action),
    ...(action === 'module_quarantine' ? { decision: 'require_approval' as const } : {}),
  });
  const change = registration({ require_tlog: true });
  expect(await kindOf(change).policy(change, strict)).toMatchObject({ decision: 'allow' });

  const named = registration({ require_tlog: true }, { quarantines: true });
  expect(await kindOf(named).policy(named, strict)).toMatchObject({
    action: 'module_change',
    decision: 'require_approval',
  });
});

const newestFirst = ['5', '4', '3', '2', '1'].map((id) => ({ id }));
const idsOf = (used: string[], most: number) =>
  chooseJudged(newestFirst, new Set(used), most).map(({ id }) => id);

it('versions that compositions use are judged first, however old they are', () => {
  expect(idsOf(['1', '3'], 3)).toEqual(['3', '1', '5']);
});

it('no version in use is left out, although there are more than are judged', () => {
  expect(idsOf(['1', '2', '3'], 2)).toEqual(['3', '2', '1']);
});

it('without uses the newest are judged', () => {
  expect(idsOf(['gone'], 2)).toEqual(['5', '4']);
});
