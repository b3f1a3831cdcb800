import { deepStrictEqual } from 'node:assert';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectSignatures, parseManifest, RegistryClient } from '../../shared/registry/index.ts';
import { exactRegexp, verifyArtifact } from '../../shared/signature/index.ts';
import type { Bench } from './bench.ts';
import type { Check } from './check.ts';
import type { Sigstore } from './sigstore.ts';

const signer = 'alice@gantry.example';
const slsa = 'https://slsa.dev/provenance/v1';
const platforms = ['debian-12-amd64', 'debian-12-arm64'];
const provenance = {
  buildDefinition: {
    buildType: 'https://builder.example/v1',
    externalParameters: { module: 'redis' },
    resolvedDependencies: [{ uri: 'git+https://git.example/acme/redis' }],
  },
  runDetails: { builder: { id: 'https://builder.example' } },
};

/**
 * Signs and attests without keys by both tools, in a private Sigstore, and returns what each must
 * say of the other.
 */
export async function prepareKeyless(
  bench: Bench,
  host: string,
  sigstore: Sigstore,
): Promise<Check[]> {
  const { directory, cosign, gantry } = bench;
  const dist = join(directory, 'dist');
  await writeBuilds(dist);

  const [ours, theirs] = ['keyless-ours', 'keyless-theirs'].map(
    (name) => `${host}/interop/${name}:v1.0.0`,
  ) as [string, string];
  const token = join(directory, 'token');
  await writeFile(token, await sigstore.issuer.makeToken(signer));

  const byUs = ['--signing-config', sigstore.signingConfig, '--identity-token', token];
  await gantry('push', dist, ours, '--sign', ...byUs);
  await gantry('sign', ours, '--recursive', ...byUs);
  await gantry('push', dist, theirs);
  await signByCosign(bench, sigstore, theirs, dist);

  const children = await listChildren(gantry, dist, ours);
  const identity = [
    ...['--certificate-identity', signer],
    ...['--certificate-oidc-issuer', sigstore.issuer.url],
  ];
  const trust = ['--trusted-root', sigstore.trustedRoot];

  const byCosign =
    (ref: string, who = identity) =>
    () =>
      cosign('verify', ...trust, ...who, ref);
  const attestedByCosign =
    (ref: string, type: string, who = identity) =>
    () =>
      cosign('verify-attestation', ...trust, ...who, '--type', type, ref);
  const byGantry =
    (ref: string, who: string, ...more: string[]) =>
    () =>
      gantry(
        ...['verify', ref, ...trust, '--identity', who, '--issuer', sigstore.issuer.url],
        ...more,
      );

  const another = ['--certificate-identity', 'mallory@gantry.example', ...identity.slice(2)];
  const demanded = ['--require-attestation', `${slsa}=^https://builder\\.example$`];
  return [
    { what: 'gantry signs keyless, cosign verifies', accept: true, verify: byCosign(ours) },
    ...children.map((child) => ({
      what: `gantry signs keyless, cosign verifies ${child.platform}`,
      accept: true,
      verify: byCosign(child.ref),
    })),
    ...['cyclonedx', 'slsaprovenance1'].map((type) => ({
      what: `gantry attests keyless, cosign verifies ${type}`,
      accept: true,
      verify: attestedByCosign(ours, type),
    })),
    {
      what: 'gantry attests keyless, cosign verifies the SBOM of a platform',
      accept: true,
      verify: attestedByCosign(children[0]?.ref ?? '', 'cyclonedx'),
    },
    {
      what: 'gantry signs keyless, cosign verifies another identity',
      accept: false,
      verify: byCosign(ours, another),
    },
    {
      what: 'gantry attests keyless, cosign verifies another identity',
      accept: false,
      verify: attestedByCosign(ours, 'cyclonedx', another),
    },
    {
      what: 'cosign signs and attests keyless, gantry verifies',
      accept: true,
      verify: byGantry(theirs, signer, ...demanded),
    },
    {
      what: 'cosign signs keyless, gantry verifies another identity',
      accept: false,
      verify: byGantry(theirs, 'mallory@gantry.example'),
    },
    {
      what: 'gantry signs and attests keyless, gantry verifies',
      accept: true,
      verify: byGantry(ours, signer, ...demanded),
    },
    {
      what: 'a machine verifies both from the signatures that it receives',
      accept: true,
      verify: () => Promise.all([ours, theirs].map((ref) => verifyAsMachine(ref, sigstore))),
    },
    {
      what: 'what gantry attaches has the shape of what cosign attaches',
      accept: true,
      verify: async () => {
        const [a, b] = await Promise.all([ours, theirs].map(describeAttached));
        deepStrictEqual(a, b);
      },
    },
  ];
}

/** Two builds with the documents of a real one. */
async function writeBuilds(dist: string): Promise<void> {
  for (const platform of platforms) {
    const directory = join(dist, platform);
    await mkdir(directory, { recursive: true });
    const write = (name: string, content: unknown) =>
      writeFile(join(directory, name), JSON.stringify(content));

    await write('module.tar', platform);
    await write('sbom.cdx.json', { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    await write('provenance.json', {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [],
      predicateType: slsa,
      predicate: provenance,
    });
    await write('predicate.json', provenance);
  }
}

/** Attests the documents of the first build, and signs an index and its manifests. */
async function signByCosign(
  { cosign }: Bench,
  { issuer, signingConfig, trustedRoot }: Sigstore,
  ref: string,
  dist: string,
): Promise<void> {
  const common = async () => [
    ...['--yes', '--signing-config', signingConfig, '--trusted-root', trustedRoot],
    ...['--identity-token', await issuer.makeToken(signer)],
  ];
  const build = join(dist, platforms[0] ?? '');

  for (const [type, file] of [
    ['cyclonedx', 'sbom.cdx.json'],
    ['slsaprovenance1', 'predicate.json'],
  ] as const) {
    const predicate = ['--type', type, '--predicate', join(build, file)];
    await cosign('attest', ...(await common()), ...predicate, ref);
  }
  await cosign('sign', '--recursive', ...(await common()), ref);
}

/** The manifests of an index, by the digests that a second push of the same builds prints. */
async function listChildren(gantry: Bench['gantry'], dist: string, ref: string) {
  const { platforms: pushed } = JSON.parse(await gantry('push', dist, ref, '--json')) as {
    platforms: { platform: string; digest: string }[];
  };
  const repository = ref.slice(0, ref.lastIndexOf(':'));
  return pushed.map(({ platform, digest }) => ({ platform, ref: `${repository}@${digest}` }));
}

async function readSignatures(ref: string) {
  const [host = '', ...rest] = ref.split('/');
  const [repository = '', tag = ''] = rest.join('/').split(':');
  const client = new RegistryClient({ host });
  const { digest } = await client.getManifest(repository, tag);
  const found = await collectSignatures(client, repository, digest);
  return { client, repository, digest, found };
}

/** Machines receive the collected signatures as JSON, with the policy in their desired state. */
async function verifyAsMachine(ref: string, sigstore: Sigstore): Promise<void> {
  const { digest, found } = await readSignatures(ref);
  const received = JSON.parse(JSON.stringify(found)) as typeof found;
  const { verified, message } = verifyArtifact(digest, received, {
    identities: [
      {
        identity_regexp: exactRegexp(signer),
        issuer_regexp: exactRegexp(sigstore.issuer.url),
      },
    ],
    keys: [],
    require_tlog: true,
    trusted_root: JSON.parse(await readFile(sigstore.trustedRoot, 'utf8')),
    attestations: [{ predicate_type: slsa, builder_regexp: '^https://builder\\.example$' }],
  });
  if (!verified) throw new Error(message);
}

/**
 * Describes the signature and an attestation of each type: the keys of manifests, bundles and
 * statements in their order, and their values except digests, keys and times.
 */
async function describeAttached(ref: string): Promise<unknown> {
  const { client, repository, found } = await readSignatures(ref);
  const described = new Map<string, unknown>();

  for (const { claimed_digest } of found) {
    const { bytes } = await client.getManifest(repository, claimed_digest);
    const [layer] = parseManifest(bytes).layers;
    if (layer === undefined) continue;

    const manifest: { annotations: Record<string, string> } = JSON.parse(
      Buffer.from(bytes).toString('utf8'),
    );
    const bundle: { dsseEnvelope: { payload: string } } = JSON.parse(
      Buffer.from(await client.readBlob(repository, layer, 1_000_000)).toString('utf8'),
    );
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8');
    const type = manifest.annotations['dev.sigstore.bundle.predicateType'] ?? '';
    described.set(type, [manifest, bundle, JSON.parse(payload)].map(toShape));
  }

  return [...described].sort(([a], [b]) => a.localeCompare(b));
}

/** What differs from one signature to the next, even of the same tool. */
const varying =
  /^(digest|size|sha256|created|name|rawBytes|sig|payload|envelope|canonicalizedBody)$/;
const logged = /^(logIndex|treeSize|rootHash|hashes|keyId|signedTimestamp)$/;

function toShape(value: unknown, key: string | number = ''): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((one) => toShape(one));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter(([name]) => !logged.test(name))
      .map(([name, inner]) => [name, toShape(inner, name)]);
  }
  const last = String(key).split('.').at(-1) ?? '';
  return varying.test(last) ? null : value;
}
