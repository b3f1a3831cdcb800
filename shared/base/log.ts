import { Logger } from '@aws-lambda-powertools/logger';

/** Keys whose values are secrets wherever they stand: headers, tokens, capabilities. Compared in lower case. */
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

/** Secrets inside text: API tokens, bearer and DPoP credentials, the signatures of presigned URLs, approval links. */
const secretTexts: readonly [RegExp, string][] = [
  [/gantry_[A-Za-z0-9_-]{20,}/g, 'gantry_[redacted]'],
  [/\b(Bearer|DPoP|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, '$1 [redacted]'],
  [/\bX-Amz-(Signature|Security-Token|Credential)=[^&\s"]+/gi, 'X-Amz-$1=[redacted]'],
  [/\/approve\/([A-Za-z0-9_]+)\/[^\s"/?]+/g, '/approve/$1/[redacted]'],
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

/** The logger of a stage: JSON lines, secrets left out; service name and level come from the environment. */
export function makeLogger(stage: string): Logger {
  return new Logger({ serviceName: stage, jsonReplacerFn: redact });
}
