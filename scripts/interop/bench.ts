import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../local-cloud.ts';
import { run } from '../run.ts';
import { type ProgramName, type Programs, programPath } from './programs.ts';

/** Runs a program with arguments, and returns its output. */
export type Program = (...args: string[]) => Promise<string>;

/** A login of a registry. */
export interface Login {
  username: string;
  password: string;
}

/** What the checks and the matrix share. */
export interface Bench {
  /** Scratch directory, also the working directory of the programs. */
  directory: string;
  /** @throws GantryError `prerequisite_missing` if the program is not there */
  program: (name: ProgramName) => Program;
  cosign: Program;
  /** `gantry module …` */
  gantry: Program;
  /** Logs all programs in to registries, by host, as `docker login` does. */
  logIn: (logins: ReadonlyMap<string, Login>) => Promise<void>;
}

/** Gives programs a home in a directory, so that those of the user stay as they are. */
export function makeBench(directory: string, programs: Programs): Bench {
  const logins = join(directory, 'config.json');
  const env = {
    ...process.env,
    COSIGN_PASSWORD: 'interop',
    DOCKER_CONFIG: directory,
    HOME: directory,
    REGISTRY_AUTH_FILE: logins,
  };

  const program = (name: ProgramName): Program => {
    const path = programPath(programs, name);
    return (...args) => run(path, args, { cwd: directory, env });
  };

  return {
    directory,
    program,
    cosign: (...args) => program('cosign')(...args),
    gantry: (...args) =>
      run(join(projectRoot, 'bin/gantry'), ['module', ...args], { cwd: directory, env }),
    logIn: (known) => {
      const auths = [...known].map(([host, { username, password }]) => [
        host,
        { auth: Buffer.from(`${username}:${password}`).toString('base64') },
      ]);
      return writeFile(logins, JSON.stringify({ auths: Object.fromEntries(auths) }));
    },
  };
}
