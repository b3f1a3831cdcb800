import {
  formatPublicModule,
  formatPublicModules,
  formatPublicVersions,
} from '../output/public-modules.ts';
import { type ExitCode, print } from '../run.ts';
import { connect } from './api.ts';

type Asked = Record<string, string | undefined>;

/** Prints the public modules of all accounts. */
export async function showPublicModules(json: true | undefined, query: Asked): Promise<ExitCode> {
  const { client, responses } = await connect();
  const modules = await client.all(responses.publicModules, 'modules', '/public-modules', query);
  print(json, { modules }, () => formatPublicModules(modules));
  return 0;
}

/** Prints a public module of another account. */
export async function showPublicModule(
  json: true | undefined,
  account: string,
  name: string,
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.publicModule, pathOf(account, name));
  print(json, response, () => formatPublicModule(response.module));
  return 0;
}

/** Prints the versions of a public module of another account. */
export async function showPublicVersions(
  json: true | undefined,
  account: string,
  name: string,
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const path = `${pathOf(account, name)}/versions`;
  const versions = await client.all(responses.publicVersions, 'versions', path);
  print(json, { versions }, () => formatPublicVersions(versions));
  return 0;
}

function pathOf(account: string, name: string): string {
  return `/public-modules/${encodeURIComponent(account)}/${encodeURIComponent(name)}`;
}
