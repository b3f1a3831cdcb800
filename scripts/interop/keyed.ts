import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import type { Bench } from './bench.ts';
import type { Check } from './check.ts';

/** Any trusted root works for a key. If cosign has one, it does not fetch another. */
const trustedRoot = join(import.meta.dirname, '../../test/fixtures/cosign/trust/trusted_root.json');

/** Signs with keys by both tools, without a log, and returns what each must say of the other. */
export async function prepareKeyed(bench: Bench, host: string): Promise<Check[]> {
  const { directory, cosign, gantry } = bench;
  for (const name of ['one', 'other'])
    await cosign('generate-key-pair', '--output-key-prefix', name);
  await run('tar', ['--create', '--file', 'module.tar', 'one.pub'], { cwd: directory });

  const [ours, theirs, plain] = ['ours', 'theirs', 'plain'].map(
    (name) => `${host}/interop/${name}:v1.0.0`,
  ) as [string, string, string];
  for (const ref of [ours, theirs, plain]) await gantry('push', 'module.tar', ref);

  // cosign 3 reads its services from a signing configuration. A configuration without services
  // means no log entry and no timestamp.
  const config = join(directory, 'signing-config.json');
  await writeFile(
    config,
    JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json' }),
  );
  await gantry('sign', ours, '--key', 'one.key', '--annotation', 'commit=abc');
  await cosign(
    ...['sign', '--yes', '--key', 'one.key', '--signing-config', config],
    ...['-a', 'commit=abc', theirs],
  );

  const byCosign =
    (ref: string, ...args: string[]) =>
    () => {
      const trust = ['--insecure-ignore-tlog=true', '--trusted-root', trustedRoot];
      return cosign('verify', ...trust, ...args, ref);
    };
  const byGantry =
    (ref: string, ...args: string[]) =>
    () =>
      gantry('verify', ref, '--no-require-tlog', ...args);

  return [
    {
      what: 'gantry signs, cosign verifies',
      accept: true,
      verify: byCosign(ours, '--key', 'one.pub'),
    },
    {
      what: 'gantry signs, cosign verifies an annotation',
      accept: true,
      verify: byCosign(ours, '--key', 'one.pub', '-a', 'commit=abc'),
    },
    {
      what: 'gantry signs, cosign verifies with another key',
      accept: false,
      verify: byCosign(ours, '--key', 'other.pub'),
    },
    {
      what: 'cosign signs, gantry verifies',
      accept: true,
      verify: byGantry(theirs, '--key', 'one.pub'),
    },
    {
      what: 'cosign signs, gantry verifies an annotation',
      accept: true,
      verify: byGantry(theirs, '--key', 'one.pub', '--annotation', 'commit=abc'),
    },
    {
      what: 'cosign signs, gantry verifies another annotation',
      accept: false,
      verify: byGantry(theirs, '--key', 'one.pub', '--annotation', 'commit=abd'),
    },
    {
      what: 'cosign signs, gantry verifies with another key',
      accept: false,
      verify: byGantry(theirs, '--key', 'other.pub'),
    },
    {
      what: 'nobody signs, cosign verifies',
      accept: false,
      verify: byCosign(plain, '--key', 'one.pub'),
    },
    {
      what: 'nobody signs, gantry verifies',
      accept: false,
      verify: byGantry(plain, '--key', 'one.pub'),
    },
  ];
}
