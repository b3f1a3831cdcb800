import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../docker-registry.ts';
import type { Program } from './bench.ts';
import { type Issuer, startIssuer } from './issuer.ts';
import { type Programs, programPath } from './programs.ts';

/** A whole Sigstore of its own on loopback ports: Fulcio with a CT log, Rekor 2, timestamps. */
export interface Sigstore {
  issuer: Issuer;
  /** Paths of the files that both tools read. */
  trustedRoot: string;
  signingConfig: string;
  urls: Urls;
  stop: () => Promise<void>;
}

const startMs = 60_000;
const since = 'start-time=2024-01-01T00:00:00Z';

/** The programs of its services. */
export const sigstorePrograms = ['fulcio', 'tesseract', 'rekor', 'tsa'] as const;
type ServiceName = (typeof sigstorePrograms)[number];

/**
 * Starts the services and lets cosign write the trusted root and the signing configuration.
 * @throws Error with the name of a service that does not start; its log is in the directory
 */
export async function startSigstore(
  directory: string,
  programs: Programs,
  cosign: Program,
): Promise<Sigstore> {
  await mkdir(directory, { recursive: true });
  const issuer = await startIssuer();
  const children: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(children.map(end));
    await issuer.stop();
  };

  const serve = (name: ServiceName, ...args: string[]) => {
    const log = openSync(join(directory, `${name}.log`), 'a');
    const child = spawn(programPath(programs, name), args, {
      cwd: directory,
      stdio: ['ignore', log, log],
    });
    child.on('error', () => {});
    children.push(child);
  };

  try {
    const urls = await startServices(directory, issuer.url, serve);
    return { issuer, stop, urls, ...(await describeServices(directory, urls, cosign)) };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function timestampUrl(tsa: string): string {
  return `${tsa}/api/v1/timestamp`;
}

type Serve = (name: ServiceName, ...args: string[]) => void;

interface Urls {
  fulcio: string;
  ct: string;
  rekor: string;
  /** Without the path of its API. */
  tsa: string;
  issuer: string;
}

async function startServices(directory: string, issuer: string, serve: Serve): Promise<Urls> {
  const host = '127.0.0.1';
  const ports = await Promise.all(Array.from({ length: 8 }, freePort));
  const [fulcio, fulcioGrpc, fulcioMetrics, ct, rekor, rekorGrpc, rekorMetrics, tsa] = ports.map(
    String,
  ) as [string, string, string, string, string, string, string, string];
  const url = (port: string) => `http://${host}:${port}`;

  await Promise.all(['ct', 'rekor'].map((name) => writeKeys(directory, name)));
  // Fulcio reads JSON by other names.
  const config = stringify({
    'oidc-issuers': {
      [issuer]: { 'issuer-url': issuer, 'client-id': 'sigstore', type: 'email' },
    },
  });
  await writeFile(join(directory, 'fulcio.yaml'), config);

  serve(
    'fulcio',
    ...['serve', '--ca', 'ephemeralca', '--config-path', 'fulcio.yaml', '--host', host],
    ...['--port', fulcio, '--grpc-host', host, '--grpc-port', fulcioGrpc],
    ...['--metrics-port', fulcioMetrics],
    ...['--ct-log-url', `${url(ct)}/gantry-ct`, '--ct-log-public-key-path', 'ct.pub'],
  );
  await saveFulcioRoot(directory, url(fulcio));

  serve(
    'tesseract',
    ...['--http_endpoint', `${host}:${ct}`, '--private_key', 'ct.pem'],
    ...['--roots_pem_file', 'fulcio.pem', '--storage_dir', 'ct-data'],
    ...['--origin', 'ct.gantry.example/gantry-ct', '--path_prefix', '/gantry-ct'],
    ...['--checkpoint_interval', '1s', '--enable_publication_awaiter=false'],
  );
  serve(
    'rekor',
    ...['serve', '--storage-dir', 'rekor-data', '--signer-filepath', 'rekor.pem'],
    // The name in its checkpoints must be the host of its URL.
    ...['--hostname', host, '--http-port', rekor, '--grpc-port', rekorGrpc],
    ...['--http-metrics-port', rekorMetrics, '--checkpoint-interval', '1s'],
  );
  serve(
    'tsa',
    ...['serve', '--host', host, '--port', tsa],
    ...['--timestamp-signer', 'memory', '--disable-ntp-monitoring'],
  );

  await saveText(`${timestampUrl(url(tsa))}/certchain`, join(directory, 'tsa.pem'));
  await untilResponding(`${url(ct)}/gantry-ct/ct/v1/get-roots`);
  await untilResponding(`${url(rekor)}/healthz`);
  return { fulcio: url(fulcio), ct: url(ct), rekor: url(rekor), tsa: url(tsa), issuer };
}

/** Lets cosign describe the services, as an operator of a private Sigstore does. */
async function describeServices(directory: string, urls: Urls, cosign: Program) {
  const at = (name: string) => join(directory, name);
  const [trustedRoot, signingConfig] = [at('trusted_root.json'), at('signing_config.json')];

  await cosign(
    ...['trusted-root', 'create', '--out', trustedRoot],
    ...['--fulcio', `url=${urls.fulcio},certificate-chain=${at('fulcio.pem')}`],
    ...['--ctfe', `url=${urls.ct}/gantry-ct,public-key=${at('ct.pub')},${since}`],
    ...['--rekor', `url=${urls.rekor},public-key=${at('rekor.pub')},${since},origin=127.0.0.1`],
    ...['--tsa', `url=${urls.tsa},certificate-chain=${at('tsa.pem')}`],
  );

  const service = (url: string, version: number) =>
    `url=${url},api-version=${version},${since},operator=gantry.example`;
  await cosign(
    ...['signing-config', 'create', '--out', signingConfig],
    ...['--fulcio', service(urls.fulcio, 1), '--oidc-provider', service(urls.issuer, 1)],
    ...['--rekor', service(urls.rekor, 2), '--rekor-config', 'ANY'],
    ...['--tsa', service(timestampUrl(urls.tsa), 1), '--tsa-config', 'ANY'],
  );

  return { trustedRoot, signingConfig };
}

async function writeKeys(directory: string, name: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: KeyObject, type: 'sec1' | 'pkcs8' | 'spki') =>
    key.export({ format: 'pem', type } as { format: 'pem'; type: 'pkcs8' });
  // TesseraCT reads keys as OpenSSL's older format has them.
  const type = name === 'ct' ? 'sec1' : 'pkcs8';
  await writeFile(join(directory, `${name}.pem`), pem(privateKey, type), { mode: 0o600 });
  await writeFile(join(directory, `${name}.pub`), pem(publicKey, 'spki'));
}

/** Its authority is made at its start. */
async function saveFulcioRoot(directory: string, url: string): Promise<void> {
  const response = await untilResponding(`${url}/api/v2/trustBundle`);
  const { chains } = (await response.json()) as { chains: { certificates: string[] }[] };
  await writeFile(join(directory, 'fulcio.pem'), chains[0]?.certificates.join('\n') ?? '');
}

async function saveText(url: string, path: string): Promise<void> {
  await writeFile(path, await (await untilResponding(url)).text());
  if (!(await readFile(path, 'utf8')).includes('BEGIN CERTIFICATE'))
    throw new Error(`expected certificates from ${url}`);
}

async function untilResponding(url: string): Promise<Response> {
  for (const deadline = Date.now() + startMs; ; ) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return response;
    if (Date.now() > deadline) throw new Error(`expected ${url} to respond; see the logs`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
