import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegisterModuleBody } from '../../../shared/contract/modules/index.ts';
import { exactRegexp } from '../../../shared/signature/index.ts';
import type { Bench } from '../bench.ts';
import { type Sigstore, timestampUrl } from '../sigstore.ts';

/** What the signers of the matrix use. */
export interface Signers {
  bench: Bench;
  sigstore: Sigstore;
  /** A signing configuration of cosign without services: no log entry and no timestamp. */
  noServices: string;
}

type Policy = Pick<
  RegisterModuleBody,
  'trusted_keys' | 'cosign_identities' | 'trusted_root' | 'require_tlog'
>;

interface Form {
  name: string;
  what: string;
  sign: (signers: Signers, ref: string) => Promise<unknown>;
  /** What the module is registered with, so that this signature and no other satisfies it. */
  policy: (signers: Signers) => Promise<Policy>;
}

const author = 'author@gantry.example';
const key = 'author';

/** The forms of signatures. */
export const forms = [
  {
    name: 'cosign-key',
    what: '`cosign sign --key` (cosign 3: a bundle in a referrer)',
    sign: ({ bench, noServices }, ref) =>
      bench.cosign('sign', '--yes', ...cosignKey, '--signing-config', noServices, ref),
    policy: policyOfKey,
  },
  {
    name: 'cosign-keyless',
    what: '`cosign sign` with an identity of a private Sigstore',
    sign: async ({ bench, sigstore }, ref) =>
      bench.cosign(
        ...['sign', '--yes', '--signing-config', sigstore.signingConfig],
        ...['--trusted-root', sigstore.trustedRoot],
        ...['--identity-token', await sigstore.issuer.makeToken(author), ref],
      ),
    policy: policyOfIdentity,
  },
  {
    name: 'cosign2-key',
    what: '`cosign sign --key --new-bundle-format=false` (cosign 2: the tag `sha256-….sig`)',
    sign: ({ bench }, ref) => bench.cosign(...cosign2, ...cosignKey, ref),
    policy: policyOfKey,
  },
  {
    name: 'cosign2-keyless',
    what: 'the same with an identity and a timestamp instead of a log entry',
    sign: async ({ bench, sigstore }, ref) =>
      bench.cosign(
        ...[...cosign2, '--fulcio-url', sigstore.urls.fulcio, '--trusted-root'],
        ...[sigstore.trustedRoot, '--timestamp-server-url', timestampUrl(sigstore.urls.tsa)],
        ...['--identity-token', await sigstore.issuer.makeToken(author), ref],
      ),
    policy: async (signers) => ({ ...(await policyOfIdentity(signers)), require_tlog: false }),
  },
  {
    name: 'gantry-key',
    what: '`gantry module sign --key`',
    sign: ({ bench }, ref) => bench.gantry('sign', ref, '--key', `${key}.key`),
    policy: policyOfKey,
  },
  {
    name: 'gantry-keyless',
    what: '`gantry module sign` with an identity of a private Sigstore',
    sign: async ({ bench, sigstore }, ref) => {
      const token = join(bench.directory, `token-${ref.replaceAll(/[^\w.]+/g, '-')}`);
      await writeFile(token, await sigstore.issuer.makeToken(author));
      await bench.gantry(
        ...['sign', ref, '--signing-config', sigstore.signingConfig, '--identity-token', token],
      );
    },
    policy: policyOfIdentity,
  },
] as const satisfies Form[];
export type FormName = (typeof forms)[number]['name'];

const cosignKey = ['--key', `${key}.key`];
const cosign2 = [
  ...['sign', '--yes', '--new-bundle-format=false'],
  ...['--use-signing-config=false', '--tlog-upload=false'],
];

/** Makes the author's key and the configuration without services. */
export async function makeSigners(bench: Bench, sigstore: Sigstore): Promise<Signers> {
  await bench.cosign('generate-key-pair', '--output-key-prefix', key);
  const noServices = join(bench.directory, 'no-services.json');
  const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
  await writeFile(noServices, JSON.stringify({ mediaType }));
  return { bench, sigstore, noServices };
}

async function policyOfKey({ bench }: Signers): Promise<Policy> {
  const pem = await readFile(join(bench.directory, `${key}.pub`), 'utf8');
  return { trusted_keys: [pem], require_tlog: false };
}

async function policyOfIdentity({ sigstore }: Signers): Promise<Policy> {
  return {
    cosign_identities: [
      {
        cosign_identity_regexp: exactRegexp(author),
        cosign_issuer_regexp: exactRegexp(sigstore.issuer.url),
      },
    ],
    trusted_root: JSON.parse(await readFile(sigstore.trustedRoot, 'utf8')),
    require_tlog: true,
  };
}
