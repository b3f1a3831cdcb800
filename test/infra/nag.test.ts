import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { synthesize } from '../../scripts/synthesize.ts';

test('cdk-nag finds nothing against AwsSolutions that is not acknowledged with a reason', () => {
  const { app, stack } = synthesize();
  const report = new AwsSolutionsChecks(app).validateScope(stack);

  const findings = report.violations.flatMap((violation) =>
    violation.violatingResources.map(
      (resource) => `${violation.ruleName} ${JSON.stringify(resource)}`,
    ),
  );

  expect(findings).toEqual([]);
  expect(report.success).toBe(true);
});
