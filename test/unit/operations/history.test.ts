import { describe, expect, it } from 'vitest';
import { aboutOf } from '../../../shared/domain/operations/index.ts';
import { topicOf } from '../../../shared/store/event.ts';
import { addition, promotion, registration } from './change-factory.ts';

describe('an event belongs in the history', () => {
  it.each([
    [
      'of its subject',
      { subject: 'instance/ins_1', data: { template_id: 'tpl_1' } },
      'instance/ins_1',
    ],
    [
      'of the module of a version',
      { subject: 'version/ver_1', data: { module: 'redis' } },
      'module/redis',
    ],
    [
      'of the template of an assignment',
      { subject: 'assignment/asg_1', data: { template_id: 'tpl_1', module: 'acme/redis' } },
      'template/tpl_1',
    ],
    [
      'of the template of a track',
      { subject: 'template/tpl_1/live', data: { sensor: 'template_sensor' } },
      'template/tpl_1',
    ],
    [
      'of what an operation is about',
      { subject: 'operation/op_1', data: { about: 'module/redis' } },
      'module/redis',
    ],
    [
      'of the operation itself, if it is about the whole account',
      { subject: 'operation/op_1', data: { about: null } },
      'operation/op_1',
    ],
  ])('%s', (_, event, expected) => {
    expect(topicOf(event)).toBe(expected);
  });
});

describe('an operation is about', () => {
  it.each([
    ['the module of a version', promotion('live'), 'module/redis'],
    ['the module of a registration', registration({ visibility: 'public' }), 'module/redis'],
    ['the template of an assignment', addition('asg_1', 'other/redis'), 'template/tpl_1'],
    ['nothing, if it concerns the account', { kind: 'quarantine_resume' } as const, null],
  ])('%s', (_, change, expected) => {
    expect(aboutOf({ account: 'acme', changes: [change] })).toBe(expected);
  });
});
