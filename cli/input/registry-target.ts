import { GantryError } from '../../shared/base/error.ts';
import type { Reference, RegistryClient } from '../../shared/registry/index.ts';

export interface Target {
  client: RegistryClient;
  reference: Reference;
  /** The tag or digest that names the manifest. */
  name: string;
}

/** The help of --plain-http, which every command that reads a registry has. */
export const plainHttpHelp = 'use http for the registry (always used for loopback hosts)';

/**
 * Opens a client for the registry of a reference, with the credentials that docker or podman
 * stored.
 * @throws GantryError `reference_invalid`, also without tag and digest; `io_error` of the Docker
 * configuration
 */
export async function openTarget(text: string, flags: { plainHttp?: true }): Promise<Target> {
  const [{ parseReference, RegistryClient }, { readDockerCredentials }] = await Promise.all([
    import('../../shared/registry/index.ts'),
    import('../network/docker-config.ts'),
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

  const credentials = await readDockerCredentials(reference);
  const client = new RegistryClient({
    host: reference.host,
    plainHttp: flags.plainHttp ?? false,
    credentials,
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
