import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GantryError } from '../shared/base/error.ts';
import { startDockerRegistry } from './docker-registry.ts';
import { fail } from './fail.ts';
import { run } from './run.ts';

/** A pair of signer and verifier, and whether the signature should be accepted. */
interface Check {
  what: string;
  accept: boolean;
  verify: () => Promise<boolean>;
}

const root = join(import.meta.dirname, '..');
/** Any trusted root works for a key. If cosign has one, it does not fetch another. */
const trustedRoot = join(root, 'test/fixtures/cosign/trust/trusted_root.json');

/**
 * Lets a real cosign verify Gantry's signatures, and Gantry verify cosign's, in a real registry.
 */
async function interop(): Promise<boolean> {
  const version = await cosignVersion();
  const directory = await mkdtemp(join(tmpdir(), 'gantry-interop-'));
  const registry = await startDockerRegistry();

  try {
    const checks = await prepare(directory, registry.host);
    process.stdout.write(`cosign ${version} and gantry, in a docker-registry\n\n`);

    let good = true;
    for (const { what, accept, verify } of checks) {
      const right = (await verify()) === accept;
      good &&= right;
      process.stdout.write(
        `${right ? '✓' : '✗'} ${what.padEnd(62)} ${accept ? 'accepted' : 'refused'}\n`,
      );
    }

    return good;
  } finally {
    await registry.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function prepare(directory: string, host: string): Promise<Check[]> {
  const env = {
    ...process.env,
    COSIGN_PASSWORD: 'interop',
    DOCKER_CONFIG: directory,
    HOME: directory,
  };

  const cosign = (...args: string[]) => run('cosign', args, { cwd: directory, env });
  const gantry = (...args: string[]) =>
    run(join(root, 'bin/gantry'), ['module', ...args], { cwd: directory, env });

  const ends = (promise: Promise<unknown>) =>
    promise.then(
      () => true,
      () => false,
    );

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
    'sign',
    '--yes',
    '--key',
    'one.key',
    '--signing-config',
    config,
    '-a',
    'commit=abc',
    theirs,
  );

  const byCosign =
    (ref: string, ...args: string[]) =>
    () =>
      ends(
        cosign(
          'verify',
          '--insecure-ignore-tlog=true',
          '--trusted-root',
          trustedRoot,
          ...args,
          ref,
        ),
      );

  const byGantry =
    (ref: string, ...args: string[]) =>
    () =>
      ends(gantry('verify', ref, '--no-require-tlog', ...args));

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

async function cosignVersion(): Promise<string> {
  try {
    const { gitVersion } = JSON.parse(await run('cosign', ['version', '--json'])) as {
      gitVersion?: string;
    };
    return gitVersion ?? 'of unknown version';
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new GantryError(
      'prerequisite_missing',
      'cosign is not on the PATH; it is optional: go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3',
      { cause },
    );
  }
}

try {
  process.exitCode = (await interop()) ? 0 : 1;
} catch (error) {
  fail(error);
}
