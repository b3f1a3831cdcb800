import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { makeLogger } from '../base/log.ts';
import { metricDimensions, metricNamespace, skippedRows } from '../contract/stages.ts';

/**
 * Logs a row that a platform-wide list left out, and counts it for the alarm. Every pass over the
 * list reports it again, until it can be read.
 */
export function skippedRowsReporter(
  stage: string,
  deployment: string,
): (row: { name: string; error: Error }) => void {
  const logger = makeLogger(stage);
  const { service, ...defaultDimensions } = metricDimensions(skippedRows.service, deployment);
  const metrics = new Metrics({
    namespace: metricNamespace,
    serviceName: service,
    defaultDimensions,
  });

  return ({ error, ...row }) => {
    logger.error('a row cannot be read and is skipped', { ...row, error });
    metrics.singleMetric().addMetric(skippedRows.metric, MetricUnit.Count, 1);
  };
}
