import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';
import { DebianArchive } from '../../support/debian-archive.ts';
import {
  basicCredentials,
  type DockerRegistry,
  startDockerRegistry,
} from '../../support/docker-registry.ts';
import { runGantry, writeGantry } from '../../support/gantry.ts';
import { walkGuide } from '../../support/guide.ts';
import { powernodeManifests } from '../../support/powernode-manifests.ts';
import { missing } from '../../support/requirements.ts';
import { type SigstoreServer, startSigstoreServer } from '../../support/sigstore-server.ts';
import { runWorkflow } from '../../support/workflow.ts';
import { type Person, World } from '../../support/world.ts';

const needed = ['root', 'mmdebstrap', 'gpg', 'setcap', 'git', 'docker-registry'] as const;
const reason = needed.map(missing).find((why) => why !== undefined);
const { publicUrl } = inject('stack');
const { username, password } = basicCredentials;

describe.skipIf(reason)(`the guides${reason ? ` (${reason})` : ''}`, () => {
  let archive: DebianArchive;
  let registry: DockerRegistry;
  let sigstore: SigstoreServer;
  let world: World;
  let home: string;
  let env: NodeJS.ProcessEnv;
  let replace: Record<string, string>;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'gantry-guides-'));
    archive = makeArchive();
    registry = await startDockerRegistry({ auth: 'basic' });
    sigstore = await startSigstoreServer();
    world = await World.create(registry.host);
    env = environmentOf(home, await world.reviewer());
    replace = { 'ghcr.io': registry.host, 'registry.example.com': registry.host };
    await loginToRegistry();
  });

  afterAll(async () => {
    await world?.close();
    await sigstore?.stop();
    await registry?.stop();
    archive?.remove();
    rmSync(home, { recursive: true, force: true });
  });

  /** A small archive of Debian's shape, with packages of the names that the pages use. */
  function makeArchive(): DebianArchive {
    const made = new DebianArchive();
    made.add(
      { name: 'nginx', files: { '/etc/nginx/sites-enabled/default': 'server {}\n' } },
      { name: 'curl', files: { '/usr/bin/curl': { content: 'curl', mode: 0o755 } } },
      { name: 'nginx-extras' },
      { name: 'systemd', files: { '/usr/lib/systemd/systemd': 'systemd' } },
    );
    return made;
  }

  /**
   * A shell of somebody who logged in, with the archive and the Sigstore of the test. `rita` is the
   * program of a reviewer.
   */
  function environmentOf(directory: string, reviewer: Person): NodeJS.ProcessEnv {
    const put = (name: string, value: unknown) => {
      writeFileSync(join(directory, name), JSON.stringify(value));
      return join(directory, name);
    };
    const bin = writeGantry(join(directory, 'bin'), {
      "'module build'*": `--mirror '${archive.mirror}' --keyring '${archive.keyring}'`,
      "'module register'*--identity*": `--trusted-root '${put('root.json', sigstore.trustedRoot)}'`,
      "'module push'*--key*": '',
      "'module push'*--sign*": `--signing-config '${put('signing.json', sigstore.signingConfig(1))}'`,
    });
    const rita = `#!/bin/sh\nGANTRY_TOKEN='${reviewer.token}' exec gantry "$@"\n`;
    writeFileSync(join(bin, 'rita'), rita, { mode: 0o755 });
    const [name, email] = ['Ada', 'ada@example.com'];

    return {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: directory,
      // Runners of workflows have homes of their own, and share the downloaded packages.
      XDG_CACHE_HOME: join(directory, 'cache'),
      GANTRY_URL: publicUrl,
      GANTRY_TOKEN: world.token,
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
    };
  }

  async function loginToRegistry(): Promise<void> {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    mkdirSync(join(home, '.docker'));
    writeFileSync(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [registry.host]: { auth } } }),
    );

    const line = ['registry', 'login', registry.host, '--username', username, '--password-stdin'];
    expect(await runGantry(line, { env, input: `${password}\n` })).toMatchObject({ code: 0 });
  }

  /** A directory as an author has it, beside the module that the pages require. */
  function authorsDirectory(name: string): string {
    const directory = join(home, name);
    mkdirSync(join(directory, 'system-base'), { recursive: true });
    const manifest = 'schema_version: 1\nname: system-base\npackage_spec: [systemd]\n';
    writeFileSync(join(directory, 'system-base/manifest.yaml'), manifest);
    return directory;
  }

  /** A repository at a forge, as one that exists already. */
  function putRepository(origin: string, name: string, files: Record<string, string>): void {
    const directory = join(home, 'drafts', name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    const git = (...line: string[]) => execFileSync('git', line, { cwd: directory, env });
    git('init', '--quiet', '--initial-branch=main');
    git('add', '--all');
    git('commit', '--quiet', '--message', name);
    git('clone', '--quiet', '--bare', directory, join(origin, `${name}.git`));
  }

  async function versionsOf(module: string) {
    const { stdout } = await runGantry(['module', 'poll', module, '--wait', '--json'], { env });
    return JSON.parse(stdout) as { versions: { version_string: string; tags: string[] }[] };
  }

  test('author a module', async () => {
    const directory = authorsDirectory('author');
    const origin = join(directory, 'origin/web.git');
    execFileSync('git', ['init', '--quiet', '--bare', origin]);
    const local = { ...replace, 'https://github.com/acme': join(directory, 'origin') };

    const problems = await walkGuide('author-a-module.md', { directory, env, replace: local });
    expect(problems).toEqual([]);
  });

  describe('the workflow of the module', () => {
    const repository = () => join(home, 'author/origin/web.git');
    const runnerAt = (name: string) => {
      const directory = join(home, name);
      mkdirSync(directory);
      return { directory, env: { ...env, HOME: directory } };
    };

    test('on Gitea publishes a commit by the key', async () => {
      const jobs = await runWorkflow({
        ...runnerAt('gitea'),
        forge: 'gitea',
        repository: repository(),
        ref: 'refs/heads/main',
        name: 'acme/web',
        actor: 'ada',
        secrets: {
          COSIGN_KEY: readFileSync(join(home, 'author/cosign.key'), 'utf8'),
          COSIGN_PASSWORD: '',
          REGISTRY_USERNAME: username,
          REGISTRY_PASSWORD: password,
        },
        replace,
      });
      expect(jobs).toEqual(['build', 'publish']);
      const { versions } = await versionsOf('web');
      expect(versions[0]?.version_string).toMatch(/^0\.0\.0\+git\.[0-9a-f]{12}$/);
    });

    test('on GitHub publishes a version by the identity of the job, with the same bytes', async () => {
      const claims = new URLSearchParams({
        subject: 'https://github.com/acme/web/.github/workflows/build.yaml@refs/tags/v1.1.0',
        issuer: 'https://token.actions.githubusercontent.com',
      });
      const { directory, env: runner } = runnerAt('github');
      const jobs = await runWorkflow({
        directory,
        env: {
          ...runner,
          ACTIONS_ID_TOKEN_REQUEST_URL: `${sigstore.url}/token?${claims}`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of the job',
        },
        forge: 'github',
        repository: repository(),
        ref: 'refs/tags/v1.1.0',
        name: 'Acme/web',
        actor: username,
        secrets: { GITHUB_TOKEN: password },
        replace,
      });
      expect(jobs).toEqual(['build', 'publish']);

      const { versions } = await versionsOf('web');
      expect(versions.map(({ version_string, tags }) => [version_string, tags.length])).toEqual([
        ['1.1.0', 2],
        ['1.0.1', 1],
        ['1.0.0', 1],
      ]);
    });
  });

  test('migrate a Powernode repository', async () => {
    const directory = authorsDirectory('powernode');
    mkdirSync(join(directory, 'older'));
    const origin = join(directory, 'origin');
    putRepository(origin, 'nginx', {
      'manifest.yaml': stringify(powernodeManifests.get('nginx')),
      'rootfs/etc/nginx/conf.d/site.conf': 'served\n',
    });

    const local = { ...replace, 'https://git.example.com/acme': origin };
    const problems = await walkGuide('from-powernode.md', { directory, env, replace: local });
    expect(problems).toEqual([]);
  });
});
