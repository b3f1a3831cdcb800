import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type ConformanceCase, conformanceCases } from '../../../support/conformance.ts';

const gantry = fileURLToPath(new URL('../../../../bin/gantry', import.meta.url));

/** Called as the conformance suite calls its clients: options in the order of the protocol. */
function verify(entry: ConformanceCase, target: string, more: string[] = []) {
  const { bundle, key, identity, issuer, trustedRoot } = entry;
  const signer =
    key === null
      ? ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]
      : ['--key', key];
  const root = trustedRoot === null ? [] : ['--trusted-root', trustedRoot];
  const args = ['verify-bundle', '--bundle', bundle, ...signer, ...root, ...more, target];

  return spawnSync(gantry, args, { encoding: 'utf8', timeout: 60_000 });
}

function caseOf(name: string): ConformanceCase {
  const found = conformanceCases.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

describe('gantry verify-bundle', () => {
  test.each([
    ['happy-path-v0.3', 0],
    ['rekor2-dsse-happy-path', 0],
    ['managed-key-happy-path', 0],
    ['wrong-material_fail', 1],
    ['managed-key-no-key_fail', 1],
    ['trust-root-tlog-missing-validity-start_fail', 1],
    ['bundle-malformed-json_fail', 2],
  ])('ends %s with %i, by file and by digest', (name, status) => {
    const entry = caseOf(name);
    expect([verify(entry, entry.artifact).status, verify(entry, entry.digest).status]).toEqual([
      status,
      status,
    ]);
  });

  test('says in JSON who signed and what the certificate says of the workflow', () => {
    const entry = caseOf('happy-path-v0.3');
    const { stdout } = verify(entry, entry.artifact, ['--json']);

    expect(JSON.parse(stdout)).toMatchObject({
      verified: true,
      identity: entry.identity,
      issuer: entry.issuer,
      claims: {
        build_trigger: 'workflow_dispatch',
        source_repository_ref: 'refs/heads/main',
        source_repository_uri:
          'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon',
      },
    });
  });

  test('takes an identity for what it is, not for a regexp', () => {
    const entry = caseOf('happy-path-v0.3');
    expect(verify({ ...entry, identity: '.*' }, entry.artifact).status).toBe(1);
    expect(verify({ ...entry, issuer: `${entry.issuer}x` }, entry.artifact).stdout).toContain(
      'issuer_mismatch',
    );
  });

  test('wants a key or an identity, and a file that is there', () => {
    const entry = caseOf('happy-path-v0.3');
    const bare = spawnSync(gantry, ['verify-bundle', '--bundle', entry.bundle, entry.artifact], {
      encoding: 'utf8',
    });

    expect([bare.status, bare.stderr]).toEqual([
      2,
      expect.stringContaining('expected either --key'),
    ]);

    const short = verify(entry, 'sha256:abc');
    expect([short.status, short.stderr]).toEqual([
      2,
      expect.stringContaining('sha256: and 64 hex digits'),
    ]);
  });
});
