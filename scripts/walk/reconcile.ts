import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually, expect, type Walk } from './context.ts';
import { change } from './promote.ts';
import type { Published } from './publish.ts';

const templateName = 'cache';
const instanceName = 'cache-1';

export async function composeAndReconcile(walk: Walk, published: Published): Promise<void> {
  walk.step('It is composed into a template, and a machine reconciles to it');
  const templates = z
    .object({ templates: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('template', 'list')).answer);

  if (!templates.templates.some(({ name }) => name === templateName)) {
    await walk.gantry('template', 'create', templateName, '--platform', 'ubuntu-24.04-amd64');
    // The module writes a unit of its own, so Rita decides about its assignment too.
    await change(walk, 'assignment', 'add', templateName, walk.module);
  }

  const machine = join(walk.directory, 'machine');
  const instances = z
    .object({ instances: z.array(z.object({ name: z.string() }).loose()) })
    .parse((await walk.gantry('instance', 'list')).answer);
  const known = instances.instances.some(({ name }) => name === instanceName);

  if (!known || readEnrolment(machine) !== walk.context.stack.publicUrl) {
    rmSync(machine, { recursive: true, force: true });
    const made = known
      ? await walk.gantry('instance', 'join-token', instanceName)
      : await walk.gantry('instance', 'create', instanceName, '--template', templateName);

    await walk.gantry(
      'agent',
      'enroll',
      '--token',
      z.string().parse(made.answer.join_token),
      '--root',
      machine,
    );
  }

  const { tag, composefs } = published;
  await eventually('the agent to run the new version', async () => {
    const ran = await walk.gantry('agent', 'run', '--once', '--root', machine);
    const conf = join(machine, 'current', 'etc', 'redis', 'redis.conf');
    return ran.code === 0 && existsSync(conf) && readFileSync(conf, 'utf8').includes(`# ${tag}\n`)
      ? true
      : undefined;
  });

  walk.saw(`${join(machine, 'current')} holds ${readdirSync(join(machine, 'current')).join(', ')}`);
  const drift = await walk.gantry('drift', instanceName);

  expect(
    drift.code === 0 && drift.answer.standing === 'in_sync',
    `no drift, found ${JSON.stringify(drift.answer)}`,
  );

  const shown = JSON.stringify((await walk.gantry('instance', 'show', instanceName)).answer);
  expect(shown.includes(composefs), `the machine to report ${composefs}, found ${shown}`);
  walk.saw('drift: false');
}

/**
 * Returns the control plane that the machine of an earlier walk was enrolled at. Another port means
 * another control plane.
 */
function readEnrolment(machine: string): string | undefined {
  const file = join(machine, 'agent', 'config.json');
  return existsSync(file)
    ? z.object({ url: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).url
    : undefined;
}
