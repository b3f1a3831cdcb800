import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { z } from 'zod';
import type { Outputs } from '../infra/outputs.ts';
import { GantryError } from '../shared/base/error.ts';
import { deploy } from './deployment.ts';
import { type Forwarder, startForwarder } from './forwarder.ts';
import { cloudEnvironment, type LocalCloud, runningCloud, startLocalCloud } from './local-cloud.ts';
import { choosePort } from './ports.ts';

const keptSchema = z.object({ cloud_port: z.number().int(), site_port: z.number().int() });
type Kept = z.infer<typeof keptSchema>;

/** A deployed Gantry on this machine. */
export interface LocalStack {
  /** The local cloud: every AWS service. */
  endpoint: string;
  /** Pages and API at the root of one origin. */
  publicUrl: string;
  outputs: Outputs;
  /** Deploys the template again, from the present sources. */
  deploy: () => Promise<Outputs>;
  stop: () => Promise<void>;
}

export interface LocalStackOptions {
  /** Holds the cloud's state and the ports; kept between runs. */
  directory: string;
  /** Environment variables that may ask for ports. */
  portVariables: { cloud: string; site: string };
  onLine?: (line: string) => void;
  progress: (sentence: string) => void;
}

/** Starts the local cloud, deploys to it, and serves its API at the root of an origin. */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { directory, progress } = options;
  mkdirSync(directory, { recursive: true });

  refuseSecondStart(directory);
  const kept = readKept(directory);
  const ports: Kept = {
    cloud_port: await choosePort({ variable: options.portVariables.cloud, kept: kept?.cloud_port }),
    site_port: await choosePort({ variable: options.portVariables.site, kept: kept?.site_port }),
  };

  progress('Starting the local cloud');
  const cloud = await startLocalCloud(join(directory, 'cloud'), ports.cloud_port);
  let forwarder: Forwarder | undefined;
  const stop = async () => {
    await forwarder?.stop();
    await cloud.stop();
  };

  try {
    writeFileSync(join(directory, 'state.json'), JSON.stringify(ports));
    const deploy = () => deployLocally(options, cloud, ports);
    const outputs = await deploy();

    forwarder = await startForwarder(ports.site_port, cloud.endpoint, outputs.ApiId);
    return { endpoint: cloud.endpoint, publicUrl: outputs.PublicUrl, outputs, deploy, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its ports are taken by the first one, which an error about ports would not say. */
function refuseSecondStart(directory: string): void {
  const pid = runningCloud(join(directory, 'cloud'));
  if (pid === undefined) return;
  throw new GantryError(
    'conflict',
    `Gantry runs already in ${directory}, as process ${pid}. Use it, or stop it first.`,
  );
}

async function deployLocally(
  options: LocalStackOptions,
  cloud: LocalCloud,
  ports: Kept,
): Promise<Outputs> {
  const environment = cloudEnvironment(cloud.endpoint);
  const client = new CloudFormationClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

  return await deploy({
    client,
    environment: { ...withoutAws(process.env), ...environment },
    settings: {
      environmentName: 'local',
      senderAddress: 'gantry@gantry.example',
      publicUrl: `http://127.0.0.1:${ports.site_port}`,
      allowedPrivateHosts: '127.0.0.1,localhost,::1',
      synthesizer: 'cli',
    },
    assemblyDirectory: join(options.directory, 'cdk.out'),
    progress: options.progress,
    ...(options.onLine ? { onLine: options.onLine } : {}),
  });
}

/** The user's own AWS settings must neither be used nor interfere. */
function withoutAws(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('AWS_')),
  );
}

function readKept(directory: string): Kept | undefined {
  const file = join(directory, 'state.json');
  if (!existsSync(file)) return undefined;
  const parsed = keptSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  return parsed.success ? parsed.data : undefined;
}
