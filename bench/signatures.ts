import { join } from 'node:path';
import {
  type CosignCase,
  cosignCase,
  cosignFixtures,
  foundSignaturesOf,
  policyOf,
} from '../scripts/cosign-fixtures.ts';
import { dockerRegistryProgram, startDockerRegistry } from '../scripts/docker-registry.ts';
import { loadLayout } from '../scripts/oci-layout.ts';
import { collectSignatures, RegistryClient } from '../shared/registry/index.ts';
import { verifyArtifact } from '../shared/signature/index.ts';
import { best, isInstalled, measurePeer } from './measure.ts';

/**
 * Verifies signatures of cosign: by the engine alone, with the fetch from a registry on this
 * machine, and by `cosign verify` on the same artifacts. Only policies and trust roots are kept
 * between two verdicts, nothing of a signature.
 */
export const name = 'signatures';

const rounds = 300;
const cases = [
  'keyless-ok',
  'keyless-ok-rekor1',
  'keyless-legacy-ok',
  'keyed-bundle-ok',
  'keyed-legacy-ok',
];

export async function run(): Promise<void> {
  if (!isInstalled(dockerRegistryProgram)) {
    process.stdout.write(`  ${dockerRegistryProgram} is not present\n`);
    return;
  }

  if (!isInstalled('cosign'))
    process.stdout.write('  cosign is not present: its column stays empty\n');
  const registry = await startDockerRegistry();

  try {
    const client = new RegistryClient({ host: registry.host });
    const rows = [];

    for (const entry of cases.map(cosignCase)) {
      await loadLayout(registry, entry.repository, join(cosignFixtures, entry.layout));
      const engineMs = await cpuMsOf(() => judge(entry));
      const fetchMs = await wallMsOf(() => fetchAndJudge(client, entry));

      rows.push({
        artifact: entry.name,
        'engine ms': rounded(engineMs),
        'engine per s': Math.round(1000 / engineMs),
        'with fetch ms': rounded(fetchMs),
        'with fetch per s': Math.round(1000 / fetchMs),
        'cosign verify ms': cosignMs(`${registry.host}/${entry.repository}@${entry.digest}`, entry),
      });
    }

    console.table(rows);
  } finally {
    await registry.stop();
  }
}

function judge(entry: CosignCase): void {
  const verdict = verifyArtifact(entry.digest, candidatesOfOnce(entry), policyOf(entry));
  if (!verdict.verified) throw new Error(`expected ${entry.name} to verify, found ${verdict.code}`);
}

const read = new Map<string, ReturnType<typeof foundSignaturesOf>>();
function candidatesOfOnce(entry: CosignCase) {
  const candidates = read.get(entry.name) ?? foundSignaturesOf(entry);
  read.set(entry.name, candidates);
  return candidates;
}

async function fetchAndJudge(client: RegistryClient, entry: CosignCase): Promise<void> {
  const { digest } = entry;
  const [candidates] = await Promise.all([
    collectSignatures(client, entry.repository, digest),
    client.getManifest(entry.repository, digest),
  ]);
  const verdict = verifyArtifact(digest, candidates, policyOf(entry));
  if (!verdict.verified) throw new Error(`expected ${entry.name} to verify, found ${verdict.code}`);
}

async function cpuMsOf(work: () => void | Promise<void>): Promise<number> {
  for (let i = 0; i < rounds; i++) await work();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await work();
  const { user, system } = process.cpuUsage(before);

  return (user + system) / 1000 / rounds;
}

async function wallMsOf(work: () => Promise<void>): Promise<number> {
  for (let i = 0; i < 20; i++) await work();
  const started = performance.now();
  for (let i = 0; i < 50; i++) await work();
  return (performance.now() - started) / 50;
}

function cosignMs(reference: string, entry: CosignCase): number | null {
  if (!isInstalled('cosign')) return null;

  const { identity_regexp, issuer_regexp, public_key, ignore_tlog } = entry;
  const signer = public_key
    ? ['--key', join(cosignFixtures, public_key)]
    : [
        '--certificate-identity-regexp',
        identity_regexp ?? '',
        '--certificate-oidc-issuer-regexp',
        issuer_regexp ?? '',
      ];

  const args = [
    'verify',
    '--allow-http-registry',
    '--trusted-root',
    join(cosignFixtures, 'trust/trusted_root.json'),
  ];

  if (ignore_tlog) args.push('--insecure-ignore-tlog');
  return rounded(best(5, () => measurePeer('cosign', [...args, ...signer, reference])).wallMs);
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
