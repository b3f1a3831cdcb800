import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, getCACertificates } from 'node:tls';
import { readCertificates } from '../../shared/base/certificates.ts';
import { GantryError } from '../../shared/base/error.ts';

/** What a connection to one host uses besides the certificates that the machine trusts. */
export interface TlsIdentity {
  /** All certificates to trust, the machine's among them; absent for the machine's alone. */
  ca?: string[];
  /** The certificate and the key by which the client proves who it is. */
  cert?: string;
  key?: string;
}

/** Files that the options of a command name. */
export interface CertificateFiles {
  caFile?: string;
  clientCert?: string;
  clientKey?: string;
}

/**
 * Reads the files of options.
 * @throws GantryError `usage` for a certificate without its key, `io_error` for an unusable file
 */
export function readCertificateFiles(files: CertificateFiles): TlsIdentity {
  const { caFile, clientCert, clientKey } = files;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new GantryError('usage', 'expected both --client-cert and --client-key, or neither');
  }

  return {
    ...(caFile === undefined ? {} : { ca: trustAlso([caFile]) }),
    ...(clientCert === undefined || clientKey === undefined
      ? {}
      : readKeyPair(clientCert, clientKey)),
  };
}

/**
 * Reads what docker and podman keep for a registry below `certs.d/<host>/`: `*.crt` are
 * certificates to trust, `<name>.cert` and `<name>.key` are the client's. The first directory that
 * exists counts.
 * @param host with its port, which may be absent for 443
 * @throws GantryError `io_error` for a certificate without its key, or an unusable file
 */
export function readHostCertificates(host: string, env: NodeJS.ProcessEnv): TlsIdentity {
  const names = /:[0-9]+$/.test(host) ? [host] : [host, `${host}:443`];
  for (const parent of listDirectories(env)) {
    for (const name of names) {
      const directory = join(parent, name);
      const files = listFiles(directory);
      if (files !== null) return readDirectory(directory, files);
    }
  }

  return {};
}

/** Those of the user first (containers-certs.d(5); rootless docker). */
function listDirectories(env: NodeJS.ProcessEnv): string[] {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return [
    join(config, 'containers/certs.d'),
    join(config, 'docker/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
}

/** Returns null for a directory that is not there, or that another user keeps. */
function listFiles(directory: string): string[] | null {
  try {
    return readdirSync(directory).sort();
  } catch {
    return null;
  }
}

function readDirectory(directory: string, files: readonly string[]): TlsIdentity {
  const authorities = files.filter((name) => name.endsWith('.crt'));
  const certificate = files.find((name) => name.endsWith('.cert'));
  const trusted =
    authorities.length === 0
      ? {}
      : { ca: trustAlso(authorities.map((name) => join(directory, name))) };
  if (certificate === undefined) return trusted;

  const path = join(directory, certificate);
  return { ...trusted, ...readKeyPair(path, path.replace(/cert$/, 'key')) };
}

/** Adds authorities to those of the machine, as docker does. */
function trustAlso(paths: readonly string[]): string[] {
  return [...getCACertificates('default'), ...paths.map(readAuthorities)];
}

function readAuthorities(path: string): string {
  const certificates = readCertificates(readFile(path));
  if (certificates !== null) return certificates;

  throw new GantryError('io_error', `expected certificates in PEM in ${path}, found another text`);
}

function readKeyPair(certPath: string, keyPath: string): TlsIdentity {
  const [cert, key] = [readFile(certPath), readFile(keyPath)];
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new GantryError(
      'io_error',
      `expected a certificate in ${certPath} with its unencrypted key in ${keyPath}, found an error: ${(cause as Error).message}`,
      { cause },
    );
  }

  return { cert, key };
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GantryError('io_error', `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
