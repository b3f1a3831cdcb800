import {
  type CertificateFiles,
  readCertificateFiles,
  readHostCertificates,
} from './certificates.ts';
import { createDispatcher } from './dispatcher.ts';
import { readProxies } from './proxies.ts';

/**
 * Makes the connections of a command to a registry and the hosts that it names: by the proxies of
 * the environment, with the certificates of the options and of `certs.d`. The client's certificate
 * of the options is for the registry alone.
 * @throws GantryError `usage` and `io_error` for options, proxies and files that cannot be used
 */
export function openRegistryRoutes(
  registry: string,
  files: CertificateFiles,
  env: NodeJS.ProcessEnv = process.env,
) {
  const given = readCertificateFiles(files);
  const trusted = given.ca === undefined ? {} : { ca: given.ca };
  const own = { ...readHostCertificates(registry, env), ...given };

  const dispatcher = createDispatcher({
    findProxy: readProxies(env),
    identify: (host) =>
      host === registry ? own : { ...readHostCertificates(host, env), ...trusted },
  });
  return { dispatcher, hasCertificates: Object.keys(own).length > 0 };
}
