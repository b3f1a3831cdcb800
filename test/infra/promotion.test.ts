import { expect, test } from 'vitest';
import { synthesize } from '../../scripts/synthesize.ts';

interface State {
  Type: string;
  Next?: string;
  Resource?: string;
  TimeoutSeconds?: unknown;
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Retry?: { JitterStrategy?: string }[];
  Arguments?: unknown;
  Assign?: unknown;
}

/** The definition of the operations' state machine, references written as `REF`. */
function definition(): { QueryLanguage: string; StartAt: string; States: Record<string, State> } {
  const [machine] = synthesize().resources('AWS::StepFunctions::StateMachine');
  const text = machine?.[1].Properties.DefinitionString as { 'Fn::Join': [string, unknown[]] };
  const [, parts] = text['Fn::Join'];
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'REF')).join(''));
}

const { QueryLanguage, StartAt, States } = definition();

test('an operation is checked, planned, composed, approved if required, applied and announced', () => {
  expect(QueryLanguage).toBe('JSONata');
  expect(StartAt).toBe('Check');

  const path = ['Check', 'Refused?', 'Plan', 'Compose affected templates', 'Ask a reviewer?'];
  expect(path.slice(0, -1).map((state) => States[state]?.Next ?? 'Plan')).toEqual(path.slice(1));
  expect(States.Apply?.Next).toBe('Applied?');
  expect(States['Applied?']).toMatchObject({
    Choices: [{ Next: 'Plan' }, { Next: 'Await approval' }],
    Default: 'Notify',
  });
  expect(States.Notify?.Next).toBe('Done');
});

test('a compose whose worker was lost is sent once more', () => {
  const { ItemProcessor } = States['Compose affected templates'] as unknown as {
    ItemProcessor: { States: { Compose: unknown } };
  };
  expect(ItemProcessor.States.Compose).toMatchObject({
    TimeoutSeconds: 600,
    Retry: [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 1 }],
  });
});

test('an approval waits as long as the policy says and then expires', () => {
  expect(States['Await approval']).toMatchObject({
    Resource: expect.stringContaining('lambda:invoke.waitForTaskToken'),
    TimeoutSeconds: '{% $expires_in_s %}',
  });
  expect(States['Await approval']?.Catch?.[0]).toEqual({
    ErrorEquals: ['States.Timeout'],
    Next: 'Expire',
  });
  expect(States.Expire?.Next).toBe('Approved after all?');
  expect(States['Approved after all?']).toMatchObject({
    Choices: [{ Next: 'Plan' }],
    Default: 'Done',
  });
});

test('what was approved is planned and composed again before it is applied', () => {
  expect(States['Await approval']?.Next).toBe('Approved?');
  expect(States['Approved?']).toMatchObject({ Choices: [{ Next: 'Plan' }], Default: 'Notify' });
  expect(States['Ask a reviewer?']).toMatchObject({
    Choices: [{ Condition: "{% $decision = 'require_approval' %}", Next: 'Await approval' }],
    Default: 'Apply',
  });
});

test('any other error of any step is recorded as the reason why the operation failed', () => {
  for (const name of [
    'Check',
    'Plan',
    'Compose affected templates',
    'Await approval',
    'Expire',
    'Apply',
    'Notify',
  ]) {
    expect(States[name]?.Catch?.at(-1), name).toEqual({
      ErrorEquals: ['States.ALL'],
      Next: 'Record failure',
    });
  }
});

test('failures of Lambda itself are retried with jitter', () => {
  for (const [name, state] of Object.entries(States)) {
    if (state.Resource?.includes('lambda:invoke') !== true) continue;
    expect(state.Retry?.[0]?.JitterStrategy, name).toBe('FULL');
  }
});

test('payloads carry ids and revisions only', () => {
  expect(States.Apply?.Arguments).toEqual({
    FunctionName: 'REF',
    Payload: {
      step: 'apply',
      account: '{% $states.context.Execution.Input.account %}',
      operation_id: '{% $states.context.Execution.Input.operation_id %}',
      correlation_id: '{% $states.context.Execution.Input.correlation_id %}',
      planned: '{% $planned %}',
      round: '{% $round %}',
    },
  });
  expect(States.Plan?.Assign).toEqual({
    planned: '{% $states.result.Payload.planned %}',
    round: '{% $round + 1 %}',
  });
});
