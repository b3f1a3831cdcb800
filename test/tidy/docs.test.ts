import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { visibilityFactor } from '../../infra/stage-queue.ts';
import { projectRoot } from '../../scripts/local-cloud.ts';
import { generatedFiles } from '../../scripts/reference/files.ts';
import { synthesize } from '../../scripts/synthesize.ts';
import { retrySeconds } from '../../shared/aws/stage.ts';
import { cureOf } from '../../shared/base/cures.ts';
import { errorStatus } from '../../shared/base/error-codes.ts';
import { eventTypes } from '../../shared/contract/events/index.ts';
import { queueNames } from '../../shared/contract/queues.ts';
import { stages } from '../../shared/contract/stages.ts';

function read(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

/** The pages that people read, from the project's root. */
const pages = [
  ...readdirSync(projectRoot).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].sort();

test.each(generatedFiles)(
  '$path is what the sources give (npm run generate)',
  async ({ path, make }) => {
    expect(read(path)).toBe(await make());
  },
);

test('every alarm of the stack is in docs/operating.md, and no other', () => {
  const alarms = synthesize()
    .resources('AWS::CloudWatch::Alarm')
    // The CDK adds the name of the construct above and eight digits of a hash.
    .map(([id]) => id.replace(/^Alarms/, '').replace(/[0-9A-F]{8}$/, ''));
  const named = [...read('docs/operating.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);

  expect(named.sort()).toEqual(alarms.sort());
});

test('docs/operating.md says how long the work of a dead worker waits', () => {
  const rows = queueNames.map((name) => {
    const { timeoutSeconds } = stages[name];
    const waits = [timeoutSeconds, retrySeconds(name), visibilityFactor * timeoutSeconds];
    return `| ${[name, ...waits.map(formatWait)].join(' | ')} |`;
  });

  const page = read('docs/operating.md').split('\n');
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});

/** Minutes, where that is exact. */
function formatWait(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

test('every error code is in docs/reference/errors.md', () => {
  const page = read('docs/reference/errors.md');
  expect(Object.keys(errorStatus).filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

test('every code that verify, poll and ingest give of an artifact says what helps', () => {
  const areas = ['registries', 'signatures', 'poll', 'verify', 'ingest'];
  const folders = [
    ...['artifact', 'registry', 'signature', 'manifest'].map((core) => `shared/${core}`),
    ...areas.map((area) => `shared/actions/${area}`),
  ];
  const sources = folders
    .flatMap((folder) => readdirSync(join(projectRoot, folder)).map((name) => join(folder, name)))
    .concat('shared/actions/modules/explain-artifact.ts')
    .filter((path) => path.endsWith('.ts'));
  const words = new Set(
    sources.flatMap((path) => read(path).match(/(?<=')[A-Za-z]\w+(?=')/g) ?? []),
  );

  // Faults of callers, of Gantry itself and of the command line: they reject no artifact.
  const others = [
    'invalid_request',
    'hook_refused',
    'trust_root_refused',
    'not_found',
    'conflict',
    'already_exists',
    'unavailable',
    'payload_too_large',
    'io_error',
    'usage',
    'signing_config_invalid',
  ];

  const offline = [
    'key_password_wrong',
    'glob_invalid',
    'glob_too_complex',
    'requirement_invalid',
    'regexp_unanchored',
    'reference_invalid',
  ];

  const codes = Object.keys(errorStatus).filter(
    (code) => words.has(code) && ![...others, ...offline].includes(code),
  );
  expect(codes.length).toBeGreaterThan(60);
  expect(codes.filter((code) => cureOf(code) === null)).toEqual([]);
});

test('every event type is in docs/reference/events.md', () => {
  const page = read('docs/reference/events.md');
  expect(eventTypes.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
});

test('every threat of docs/security.md that is answered names the test that shows it', () => {
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| can |'));
  expect(rows.length).toBeGreaterThan(40);
  expect(
    rows.filter((row) => !/`test\/[^`]+\.test\.ts`(, `test\/[^`]+\.test\.ts`)* \|$/.test(row)),
  ).toEqual([]);
});

const walks = read('docs/architecture.md')
  .split(/^### Walk: /m)
  .slice(1)
  .map((text) => ({
    name: text.split('\n')[0] ?? '',
    files: [...text.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, path = '']) => path),
  }));

describe('a walk through the code', () => {
  test('is described for each part of the flow', () => {
    expect(walks).toHaveLength(3);
  });

  test.each(walks)('$name: names files that exist, each once', ({ files }) => {
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
    expect(files.filter((path, i) => files.indexOf(path) !== i)).toEqual([]);
  });
});

describe('a page', () => {
  test('is there to be looked at', () => {
    expect(pages).toContain('README.md');
    expect(pages).toContain('docs/architecture.md');
  });

  test.each(pages)('%s links to what exists, by relative paths', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
      .map(([, inline, attribute]) => inline ?? attribute ?? '')
      .filter((target) => !/^(https?:|mailto:)/.test(target));
    const broken = targets.filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file =
        path === '' ? page : relative(projectRoot, join(projectRoot, dirname(page), path));
      if (path.startsWith('/') || file.startsWith('..') || !existsSync(join(projectRoot, file)))
        return true;

      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
    });

    expect(broken).toEqual([]);
  });

  test('of the guides and the reference is linked from README.md', () => {
    const listed = pages.filter((page) => /^docs\/(guides|reference)\//.test(page));
    const readme = read('README.md');
    expect(listed.filter((page) => !readme.includes(`](${page})`))).toEqual([]);
  });

  test.each(pages)('%s names tests that there are', (page) => {
    const named = [...read(page).matchAll(/`(test\/[^`*<]+\.tsx?)`/g)].map(([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
  });

  test.each(pages)('%s names no path of one machine', (page) => {
    expect(read(page).match(/(^|[\s"'`(])\/(work|root|home|tmp|Users)\//g)).toBeNull();
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
