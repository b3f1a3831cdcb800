import type { Command } from 'commander';
import { GantryError } from '../../shared/base/error.ts';
import type { Reference, RegistryClient } from '../../shared/registry/index.ts';
import type { CertificateFiles } from '../network/certificates.ts';

export interface Target {
  client: RegistryClient;
  reference: Reference;
  /** The tag or digest that names the manifest. */
  name: string;
}

/** Flags that say how a registry is reached. */
export interface RegistryFlags extends CertificateFiles {
  plainHttp?: true;
}

/** Adds the options of every command that reads a registry. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option(
      '--plain-http',
      'use http for the registry (loopback hosts always do, unless certificates are given)',
    )
    .option('--ca-file <file>', 'also trust these certificates (PEM) for the registry')
    .option('--client-cert <file>', 'certificate (PEM) that the registry asks clients for')
    .option('--client-key <file>', 'key of --client-cert');
}

/**
 * Opens a client for the registry of a reference, with the credentials that docker or podman
 * stored.
 * @throws GantryError `reference_invalid`, also without tag and digest; `usage` and `io_error` of
 * certificates, proxies and Docker's configuration
 */
export async function openTarget(text: string, flags: RegistryFlags): Promise<Target> {
  const [{ parseReference, RegistryClient }, { readDockerCredentials }, { openRegistryRoutes }] =
    await Promise.all([
      import('../../shared/registry/index.ts'),
      import('../network/docker-config.ts'),
      import('../network/registry.ts'),
    ]);
  const reference = parseReference(text);
  const name = reference.digest ?? reference.tag;

  if (name === undefined) {
    throw new GantryError(
      'reference_invalid',
      `expected a reference with a tag or digest, such as ${text}:v1.0.0, found neither`,
      {
        found: text,
      },
    );
  }

  const { dispatcher, hasCertificates } = openRegistryRoutes(reference.host, flags);
  const client = new RegistryClient({
    host: reference.host,
    // Certificates are for https, also on this machine.
    plainHttp: flags.plainHttp ?? (hasCertificates ? false : undefined),
    credentials: await readDockerCredentials(reference),
    dispatcher,
  });

  return { client, reference, name };
}

/** Collects `--annotation name=value` options. @throws GantryError `usage` */
export function collectAnnotation(
  text: string,
  previous: Record<string, string> = {},
): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1)
    throw new GantryError('usage', `expected --annotation name=value, found "${text}"`);
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
