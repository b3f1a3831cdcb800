import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';
import type { SigningServices } from '../../shared/signature/index.ts';
import { choiceOption } from '../command.ts';
import type { PayloadSigner } from '../sign/signer.ts';
import { readOptionJson } from './option-files.ts';
import { readPrivateKey } from './private-key.ts';

/** Flags that say who signs, and with which services. */
export interface SigningFlags {
  key?: string;
  identityToken?: string;
  signingConfig?: string;
  fulcioUrl?: string;
  rekorUrl?: string;
  rekorVersion?: '1' | '2';
  timestampServerUrl?: string;
  oidcIssuer?: string;
  oidcClientId: string;
  oidcFlow?: 'browser' | 'device';
}

/** What the help of every command with these options says about them. */
export const signingNotes = `
Without --key, the signature is keyless: a certificate for your identity, which Fulcio issues, and a key that only
lives in memory. The identity comes from --identity-token, SIGSTORE_ID_TOKEN, the CI job (GitHub Actions with
"permissions: id-token: write"), or from signing in on a terminal. By default, Sigstore's public instance is used:
your identity then stays public. --signing-config names other services. With any of --fulcio-url, --rekor-url
and --timestamp-server-url and no configuration, only the named ones are used.

With --key, COSIGN_PASSWORD gives the password of the key; without it, the command asks. There is no log entry unless
a service is named: "cosign verify --key cosign.pub --insecure-ignore-tlog=true <ref>" accepts it.`;

/** Adds the options of `SigningFlags`, by the names that cosign gives them. */
export function addSigningOptions(command: Command): Command {
  return command
    .option('--key <file>', 'private key, from "cosign generate-key-pair" or plain PEM')
    .option('--identity-token <file>', 'file with an OpenID Connect token of your identity')
    .option('--signing-config <file>', 'Sigstore signing_config.json with the services to use')
    .option('--fulcio-url <url>', 'certificate authority')
    .option('--rekor-url <url>', 'transparency log')
    .addOption(choiceOption('--rekor-version <version>', ['1', '2'], 'version of --rekor-url'))
    .option('--timestamp-server-url <url>', 'timestamp authority, the whole URL')
    .option('--oidc-issuer <url>', 'OpenID Connect issuer to sign in at')
    .option('--oidc-client-id <id>', 'client id there, and audience of the token', 'sigstore')
    .addOption(choiceOption('--oidc-flow <flow>', ['browser', 'device'], 'how to sign in'));
}

/**
 * Makes the signer that the flags ask for. A keyless one asks for the identity with the first
 * signature.
 * @throws GantryError `usage`, `identity_missing`, `signing_config_invalid`, those of
 * `readPrivateKey`
 */
export async function openSigner(flags: SigningFlags): Promise<PayloadSigner> {
  const services = await chooseServices(flags);
  const { createKeyedSigner, createKeylessSigner } = await import('../sign/signer.ts');
  if (flags.key !== undefined) {
    refuseIdentityFlags(flags);
    return createKeyedSigner(await readPrivateKey(flags.key, '--key'), services);
  }

  const fulcio = requireKeylessServices(services);
  const { findIdentity } = await import('../sign/identity.ts');
  const identity = findIdentity({
    tokenFile: flags.identityToken,
    audience: flags.oidcClientId,
    signIn: readSignIn(flags, services),
    env: process.env,
  });

  return createKeylessSigner(fulcio, identity, services);
}

/** Refuses the flags of a signature where none is made. @throws GantryError `usage` */
export function refuseSigningFlags(flags: SigningFlags): void {
  const { key, identityToken, signingConfig, fulcioUrl, rekorUrl, timestampServerUrl } = flags;
  const given = [key, identityToken, signingConfig, fulcioUrl, rekorUrl, timestampServerUrl];
  if (given.every((value) => value === undefined)) return;
  throw new GantryError(
    'usage',
    'expected --sign beside the flags that say who signs, found these flags alone',
  );
}

async function chooseServices(flags: SigningFlags): Promise<SigningServices> {
  const { signingConfig, fulcioUrl, rekorUrl, rekorVersion, timestampServerUrl } = flags;
  const core = await import('../../shared/signature/index.ts');
  const named = [fulcioUrl, rekorUrl, timestampServerUrl].some((url) => url !== undefined);
  const none: SigningServices = { fulcio: null, oidcIssuer: null, rekor: [], timestamps: [] };

  const base =
    signingConfig !== undefined
      ? core.chooseServices(await readOptionJson(signingConfig, '--signing-config'), new Date())
      : named || flags.key !== undefined
        ? none
        : core.publicGoodServices;

  return {
    fulcio: readUrl(fulcioUrl, '--fulcio-url') ?? base.fulcio,
    oidcIssuer: readUrl(flags.oidcIssuer, '--oidc-issuer') ?? base.oidcIssuer,
    rekor:
      rekorUrl === undefined
        ? base.rekor
        : [
            {
              url: readUrl(rekorUrl, '--rekor-url') ?? '',
              version: rekorVersion === '2' ? 2 : 1,
            },
          ],
    timestamps:
      timestampServerUrl === undefined
        ? base.timestamps
        : [readUrl(timestampServerUrl, '--timestamp-server-url') ?? ''],
  };
}

function readUrl(text: string | undefined, field: string): string | undefined {
  if (text === undefined) return undefined;
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (isHttp) return text.replace(/\/$/, '');
  throw new GantryError('usage', `expected a URL for ${field}, found "${text}"`, {
    field,
    found: text,
  });
}

/** Nobody could verify a certificate that has ended without a time of signing. */
function requireKeylessServices({ fulcio, rekor, timestamps }: SigningServices): string {
  if (fulcio === null) {
    throw new GantryError(
      'usage',
      'expected a certificate authority for a signature without --key; name it with --fulcio-url or in --signing-config',
    );
  }

  if (timestamps.length === 0 && !rekor.some(({ version }) => version === 1)) {
    throw new GantryError(
      'usage',
      'expected a timestamp authority (--timestamp-server-url) or a log of Rekor 1 (--rekor-url), because a signature without --key needs a time; Rekor 2 states none',
    );
  }

  return fulcio;
}

function refuseIdentityFlags({ identityToken, oidcFlow, oidcIssuer }: SigningFlags): void {
  if (identityToken === undefined && oidcFlow === undefined && oidcIssuer === undefined) return;
  throw new GantryError(
    'usage',
    'expected either --key, or the flags of an identity (--identity-token, --oidc-issuer, --oidc-flow), found both',
  );
}

/** A person can sign in only where somebody sits at a terminal. */
function readSignIn(flags: SigningFlags, { oidcIssuer, rekor }: SigningServices) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  if (oidcIssuer === null) {
    if (flags.identityToken !== undefined) return null;
    throw new GantryError(
      'usage',
      'expected an issuer to sign in at; name it with --oidc-issuer or in --signing-config',
    );
  }

  const isPublic = rekor.some(({ url }) => new URL(url).hostname.endsWith('.sigstore.dev'));
  const notice = isPublic ? 'Your address goes into a public log and stays there.\n' : '';
  const { platform, env } = process;
  const hasBrowser =
    platform === 'darwin' || platform === 'win32' || !!env.DISPLAY || !!env.WAYLAND_DISPLAY;
  return {
    issuer: oidcIssuer,
    flow: flags.oidcFlow ?? (hasBrowser ? ('browser' as const) : ('device' as const)),
    say: (line: string) => process.stderr.write(`${notice}${line}\n`),
  };
}
