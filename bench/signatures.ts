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
import { isInstalled, measurePeer } from './measure.ts';

/**
 * Verifies signatures of cosign: by the engine alone, with the fetch from a registry on this
 * machine, configured as its Debian package does, and by `cosign verify` on the same artifacts.
 * Both get the digest. Only policies, trust roots and what the registry cannot do are kept between
 * two verdicts, nothing of a signature.
 */
export const name = 'signatures';

const rounds = 300;
/** Fetches, and runs of cosign in between: both meet the same load of the machine. */
const fetches = 200;
const peerRuns = 20;
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
  const registry = await startDockerRegistry({ cached: true });

  try {
    let requests = 0;
    const onRequest = () => {
      requests += 1;
    };
    const client = new RegistryClient({ host: registry.host, onRequest });
    const rows = [];

    for (const entry of cases.map(cosignCase)) {
      await loadLayout(registry, entry.repository, join(cosignFixtures, entry.layout));
      const engineMs = await cpuMsOf(() => judge(entry));
      for (let i = 0; i < 20; i++) await fetchAndJudge(client, entry);
      requests = 0;
      const { ours, cosign } = await compare(client, registry.host, entry);

      rows.push({
        artifact: entry.name,
        'engine ms': rounded(engineMs),
        requests: requests / fetches,
        'with fetch ms': rounded(median(ours)),
        'cosign verify ms': cosign.length === 0 ? null : rounded(median(cosign)),
        'times (median)': cosign.length === 0 ? null : rounded(median(cosign) / median(ours)),
        'times (best)':
          cosign.length === 0 ? null : rounded(Math.min(...cosign) / Math.min(...ours)),
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
  const candidates = await collectSignatures(client, entry.repository, digest);
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

/** Wall times of both in turn, in milliseconds. */
async function compare(client: RegistryClient, host: string, entry: CosignCase) {
  const args = isInstalled('cosign') ? cosignArguments(host, entry) : null;
  const ours: number[] = [];
  const cosign: number[] = [];

  for (let i = 0; i < fetches; i++) {
    const started = performance.now();
    await fetchAndJudge(client, entry);
    ours.push(performance.now() - started);

    if (args !== null && i % (fetches / peerRuns) === 0)
      cosign.push(measurePeer('cosign', args).wallMs);
  }
  return { ours, cosign };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function cosignArguments(host: string, entry: CosignCase): string[] {
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
  return [...args, ...signer, `${host}/${entry.repository}@${entry.digest}`];
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
