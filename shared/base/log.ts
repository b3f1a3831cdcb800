import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import { logKeys } from './log-context.ts';

/**
 * Keys whose values are secrets wherever they stand: headers, tokens, capabilities. Compared in
 * lower case.
 */
const secretKeys = new Set([
  'authorization',
  'dpop',
  'cookie',
  'token',
  'task_token',
  'tasktoken',
  'join_token',
  'secret',
  'credential',
  'password',
  'passphrase',
  'private_key',
  'desired_state_url',
  'root_urls',
]);

/**
 * Secrets inside text: API tokens, bearer and DPoP credentials, the signatures of presigned URLs,
 * approval links, invitations.
 */
const secretTexts: readonly [RegExp, string][] = [
  [/gantry_[A-Za-z0-9_-]{20,}/g, 'gantry_[redacted]'],
  [/\b(Bearer|DPoP|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, '$1 [redacted]'],
  [/\bX-Amz-(Signature|Security-Token|Credential)=[^&\s"]+/gi, 'X-Amz-$1=[redacted]'],
  [/\/approve\/([A-Za-z0-9_]+)\/[^\s"/?]+/g, '/approve/$1/[redacted]'],
  [/\/invitation\/([a-z0-9-]+\/[A-Za-z0-9_]+)\/[^\s"/?]+/g, '/invitation/$1/[redacted]'],
];

/** Text without the secrets that it may quote. */
export function redactText(text: string): string {
  return secretTexts.reduce(
    (redacted, [pattern, replacement]) => redacted.replace(pattern, replacement),
    text,
  );
}

/** For the logger's JSON: what one key holds, or a mark in its place. */
export function redact(key: string, value: unknown): unknown {
  if (secretKeys.has(key.toLowerCase()) && value !== null && value !== undefined)
    return '[redacted]';
  return typeof value === 'string' ? redactText(value) : value;
}

/** Powertools' own names, and the keys of the work that writes the line. */
class StageLogFormatter extends LogFormatter {
  formatAttributes(attributes: UnformattedAttributes, additional: LogAttributes): LogItem {
    const { lambdaContext } = attributes;
    const line = {
      level: attributes.logLevel,
      message: attributes.message,
      timestamp: this.formatTimestamp(attributes.timestamp),
      service: attributes.serviceName,
      ...logKeys(),
      cold_start: lambdaContext?.coldStart,
      function_name: lambdaContext?.functionName,
      function_request_id: lambdaContext?.awsRequestId,
      xray_trace_id: attributes.xRayTraceId,
    };

    return new LogItem({ attributes: line }).addAttributes(additional);
  }
}

/** The logger of a stage: JSON lines without secrets. The environment sets the level. */
export function makeLogger(stage: string): Logger {
  return new Logger({
    serviceName: stage,
    jsonReplacerFn: redact,
    logFormatter: new StageLogFormatter(),
  });
}
