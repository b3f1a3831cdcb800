import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../fixtures/conformance');

/** A published case of the Sigstore client conformance suite; see the README beside the cases. */
export interface ConformanceCase {
  name: string;
  expected: 'pass' | 'fail';
  /** Files, as the command line takes them. */
  bundle: string;
  artifact: string;
  digest: string;
  trustedRoot: string | null;
  key: string | null;
  identity: string;
  issuer: string;
}

const beacon =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';

export const conformanceCases: ConformanceCase[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const file = (path: string) => join(folder, name, path);
    const present = (path: string) => (existsSync(file(path)) ? file(path) : null);
    const text = (path: string) =>
      present(path) === null ? null : readFileSync(file(path), 'utf8').trim();
    const artifact = present('artifact') ?? join(folder, 'a.txt');

    return {
      name,
      expected: name.endsWith('_fail') ? 'fail' : 'pass',
      bundle: file('bundle.sigstore.json'),
      artifact,
      digest: `sha256:${createHash('sha256').update(readFileSync(artifact)).digest('hex')}`,
      trustedRoot: present('trusted_root.json'),
      key: present('key.pub'),
      identity: text('identity') ?? beacon,
      issuer: text('issuer') ?? 'https://token.actions.githubusercontent.com',
    };
  });
