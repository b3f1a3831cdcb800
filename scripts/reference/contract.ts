import { readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { cures } from '../../shared/base/cures.ts';
import { type ErrorCode, errorMeaning, errorStatus } from '../../shared/base/error-codes.ts';
import { eventFacts } from '../../shared/contract/events/index.ts';
import { candidateLifeReference } from './candidates.ts';

/** docs/reference/errors.md: every error code with its HTTP status and meaning. */
export function errorReference(): string {
  const rows = (Object.entries(errorStatus) as [ErrorCode, number][]).map(
    ([code, status]) =>
      `| \`${code}\` | ${status} ${STATUS_CODES[status]} | ${cell(errorMeaning[code])} |`,
  );
  return [
    '# Error codes\n',
    'Every error has a stable code. It appears in API responses (`code` of `application/problem+json`, RFC 9457), in command',
    'output, on rejected candidates, on operations and in machine reports. The message beside it says what was expected and what',
    'was found. The status is that of the API response. `npm run generate` writes this page.\n',
    '| code | status | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** docs/reference/events.md: every event type with its subject and the keys of its data. */
export function eventReference(): string {
  const rows = Object.entries(eventFacts).map(([type, { subject, when, data }]) => {
    const keys = data.map((key) => `\`${key}\``).join(', ');
    return `| \`${type}\` | \`${subject}\` | ${cell(when)} | ${keys || '–'} |`;
  });
  return [
    '# Events\n',
    'Gantry publishes every change as a CloudEvent 1.0 on the EventBridge bus `gantry-<environment>`. `Source` is `gantry` and',
    '`DetailType` is the event type. Gantry stores an event in the transaction of its change, then sends it from the table’s',
    'stream. Delivery is at least once, so ignore an `id` that you have seen. `npm run generate` writes this page.\n',
    '```json',
    JSON.stringify(
      {
        specversion: '1.0',
        id: 'evt_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
        type: 'gantry.version.promoted',
        source: '/gantry/accounts/acme',
        subject: 'version/ver_0123456789abcdef01234567',
        time: '2026-01-01T00:00:00.000Z',
        datacontenttype: 'application/json',
        actor: 'member:mbr_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
        correlationid: 'JKJaXmPLvHcESHA=',
        data: {
          module: 'my-redis',
          version: '0.1.0',
          from: 'built',
          operation_id: 'op_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
        },
      },
      null,
      2,
    ),
    '```\n',
    '`actor` says who made the change: `member:<id>`, `token:<id>`, `instance:<id>`, `gantry:<stage>` or `deployer`. A key with',
    '`?` is optional. `correlationid` is the flow that the event belongs to (docs/operating.md, “Follow one module through the',
    'logs”); an event of the schedule has none.\n',
    '| type | subject | when | data |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

const verificationPage = new URL('../../docs/reference/verify/verification.md', import.meta.url);

/**
 * docs/reference/verify/verification.md with its generated parts: the life of a candidate, and the
 * codes with their cures.
 */
export function verificationReference(): string {
  const page = readFileSync(verificationPage, 'utf8');
  return withPart(withPart(page, 'candidates', candidateLifeReference()), 'cures', cureTables());
}

/** Replaces the part of a page between `<!-- generated: name -->` and its end. */
function withPart(page: string, name: string, text: string): string {
  const part = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- /generated -->)`);
  return page.replace(part, (_, start, end) => `${start}\n${text}\n${end}`);
}

function cureTables(): string {
  const headings = { verify: 'Signatures', registry: 'The registry', ingest: 'The artifact' };
  const tables = Object.entries(headings).map(([stage, heading]) => {
    const rows = Object.entries(cures[stage as keyof typeof cures]).map(
      ([code, cure]) =>
        `| \`${code}\` | ${cell(errorMeaning[code as ErrorCode])} | ${cell(cure)} |`,
    );
    return [`### ${heading}\n`, '| code | cause | what to do |', '|---|---|---|', ...rows, ''].join(
      '\n',
    );
  });

  return tables.join('\n');
}

/** Text for a cell of a table. Markdown reads no entities between backticks. */
function cell(text: string): string {
  const escaped = text.replaceAll('|', '\\|');
  return escaped
    .split('`')
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '&lt;')))
    .join('`');
}
