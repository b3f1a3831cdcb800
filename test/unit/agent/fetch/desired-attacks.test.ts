import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredState } from '../../../../shared/contract/reconcile/index.ts';
import {
  makeDesiredState,
  makeRoot,
  rootSha256,
  signMetadata,
} from '../../../../shared/director/index.ts';
import { director, type Module, rootOf, World } from '../world.ts';

// What an attacker with the bucket, another account's director key, or an old copy of something can
// serve. TUF's names for the attacks: https://theupdateframework.io/docs/security/

const day = 24 * 60 * 60_000;
const inAWeek = new Date(Date.now() + 7 * day);

let world: World;
let module: Module;
let good: Buffer;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
  module = await site('a page');
  good = await world.publish({ modules: [module], version: 5 });
  await world.run();
});
afterEach(() => world.stop());

async function site(content: string, name = 'site'): Promise<Module> {
  return await world.module({ name, files: { [`/srv/${name}.html`]: content } });
}

/**
 * Looks at what is served: it must be refused, with its reason reported, and the root must stay as
 * it is.
 */
async function refused(code: string, status = 'refused'): Promise<void> {
  const { report } = await world.run();
  expect(report).toMatchObject({
    status,
    code,
    desired_state_version: 5,
    running_module_digests: { site: module.layer.composefs_digest },
  });

  expect(world.reports.at(-1)).toEqual(report);
  expect(await readFile(join(world.dir, 'current/srv/site.html'), 'utf8')).toBe('a page');
}

interface Signed {
  signed: { version: number; expires: string; targets: Record<string, { custom: DesiredState }> };
  signatures: unknown[];
}

function parsed(bytes: Buffer): Signed {
  return JSON.parse(bytes.toString());
}

function customOf(bytes: Buffer): DesiredState {
  const [target] = Object.values(parsed(bytes).signed.targets);
  if (target === undefined) throw new Error('expected a target');
  return target.custom;
}

function serve(json: unknown): void {
  world.objects.set('desired-state', Buffer.from(JSON.stringify(json)));
}

describe('a rollback', () => {
  it('to what the machine ran before is refused, and stays so after a restart', async () => {
    await world.publish({ modules: [await site('another page')], version: 6 });
    await world.run();
    world.objects.set('desired-state', good);

    for (let look = 0; look < 2; look++) {
      expect((await world.run()).report).toMatchObject({ code: 'desired_state_version_rollback' });
    }

    expect(await readFile(join(world.dir, 'current/srv/site.html'), 'utf8')).toBe('another page');
  });

  it('by an old version with a new number is not signed', async () => {
    const json = parsed(good);
    serve({ ...json, signed: { ...json.signed, version: 9 } });
    await refused('desired_state_signature_invalid');
  });

  it('below a version that could not be applied is refused as well', async () => {
    const next = await site('another page');
    world.objects.delete(next.layer.layer_digest);
    await world.publish({ modules: [next], version: 9 });
    await refused('unavailable');
    await world.publish({ modules: [module], version: 8 });
    await refused('desired_state_version_rollback');
  });
});

describe('a freeze', () => {
  it('is noticed when the desired state expires: the root stays, and the machine says stale', async () => {
    const later = new Date(Date.now() + 8 * day);
    world.now = () => later;
    await refused('desired_state_expired', 'stale');

    await world.publish({
      modules: [module],
      version: 6,
      expires: new Date(later.getTime() + day),
    });

    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('cannot be signed for much longer than a week with a stolen key, to outlast its rotation', async () => {
    await world.publish({
      modules: [module],
      version: 6,
      expires: new Date(Date.now() + 10 * day),
    });
    await refused('desired_state_invalid');
  });

  it('by a later date of expiry is not signed', async () => {
    const json = parsed(good);
    serve({ ...json, signed: { ...json.signed, expires: '2099-01-01T00:00:00Z' } });
    await refused('desired_state_signature_invalid');
  });
});

describe('mix and match', () => {
  it('of one desired state with the signatures of another is refused', async () => {
    const next = parsed(await world.publish({ modules: [await site('another page')], version: 6 }));
    serve({ signed: next.signed, signatures: parsed(good).signatures });
    await refused('desired_state_signature_invalid');
  });

  it.each<[string, (custom: DesiredState, other: DesiredState) => void]>([
    ['the layers', (custom, other) => Object.assign(custom, { layers: other.layers })],
    [
      'the composition',
      (custom, other) => Object.assign(custom, { composition_digest: other.composition_digest }),
    ],
    [
      'a layer',
      ({ layers }, other) =>
        Object.assign(layers[0] as object, { ...other.layers[0], version: '1.0.0' }),
    ],
  ])(
    'of %s of one desired state with the rest of another is refused, though well signed',
    async (_, mix) => {
      const other = parsed(
        await world.publish({ modules: [await site('another page')], version: 6 }),
      );
      const change = (custom: DesiredState) =>
        mix(custom, Object.values(other.signed.targets)[0]?.custom as DesiredState);

      await world.publish({ modules: [module, await site('more', 'more')], version: 7, change });
      await refused('composition_mismatch');
    },
  );

  it('of the image of one composition with the layers of another is refused, though well signed', async () => {
    const custom = { ...customOf(good), metadata: { instance: { moved: 1 }, modules: {} } };
    const image = { length: 4096, sha256: '1'.repeat(64) };
    const forged = makeDesiredState({ custom, image, version: 6, expires: inAWeek });

    world.objects.set(
      'desired-state',
      await signMetadata(forged, world.director.signer, world.director.keyId),
    );
    await refused('composition_mismatch');
  });

  it('of the kinds of metadata is refused: a root is no desired state, a desired state no root', async () => {
    world.objects.set('desired-state', world.roots[0] as Buffer);
    await refused('desired_state_invalid');
    world.objects.set('desired-state', good);
    world.roots[1] = await world.publish({ modules: [module], version: 6, signer: director() });
    await refused('root_untrusted');
  });
});

describe('a bucket that serves other bytes each time', () => {
  it.each(['the wanted', 'the running'])(
    'cannot fill the disk with them, in place of %s layers',
    async (which) => {
      const padded = (n: number) => site(`${'x'.repeat(100)}${n}`);
      const wanted = await padded(10);

      await world.publish({ modules: [wanted], version: 6 });
      if (which === 'the running') {
        await world.run();
        await rm(join(world.dir, 'store'), { recursive: true });
      }

      const counts: number[] = [];
      for (let look = 11; look < 14; look++) {
        const other = await padded(look);
        world.objects.set(
          wanted.layer.layer_digest,
          world.objects.get(other.layer.layer_digest) as Buffer,
        );
        expect((await world.run()).report).toMatchObject({
          status: 'refused',
          code: 'layer_mismatch',
        });
        counts.push((await readdir(join(world.dir, 'store'), { recursive: true })).length);
      }

      expect(new Set(counts).size).toBe(1);
    },
  );
});

describe('another machine’s desired state', () => {
  it.each([
    ['of another instance', { instance: 'ins_2' }],
    ['of another account', { account: 'umbrella' }],
    [
      'of an instance of the same id in another account',
      { account: 'umbrella', instance: 'ins_1' },
    ],
  ])('%s is refused, though this account’s director signed it', async (_, whose) => {
    await world.publish({
      modules: [module],
      version: 6,
      change: (custom) => void Object.assign(custom, whose),
    });
    await refused('desired_state_foreign');
  });

  it('signed by another account’s director is refused, whatever root that serves', async () => {
    const umbrella = director();
    await world.publish({ modules: [module], version: 6, signer: umbrella });
    await refused('desired_state_signature_invalid');
    world.roots = [await rootOf(umbrella, 1)];
    await refused('desired_state_signature_invalid');
    world.roots[1] = await rootOf(umbrella, 2);
    await refused('root_untrusted');
  });

  it('that names this account and is signed by another’s director is refused before it is read', async () => {
    const change = (custom: DesiredState) => void Object.assign(custom, { instance: 'ins_2' });
    await world.publish({ modules: [module], version: 4, signer: director(), change });
    await refused('desired_state_signature_invalid');
  });
});

describe('an account root', () => {
  it('that skips a version, comes too late in the chain or is rolled back is refused, and what was signed by it with it', async () => {
    const next = director();
    await world.publish({ modules: [module], version: 6, signer: next });
    world.roots[1] = await rootOf(next, 3, world.director);
    await refused('root_untrusted');
    world.roots[1] = await rootOf(next, 1, world.director);
    await refused('root_untrusted');
    world.roots[1] = world.roots[0] as Buffer;
    await refused('root_untrusted');
    world.roots[1] = await rootOf(next, 2, world.director);

    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      code: null,
      desired_state_version: 6,
    });
  });

  it('that is not there, or is answered with a code of the control plane’s, ends no enrolment', async () => {
    const next = director();
    await world.publish({ modules: [module], version: 6, signer: next });
    world.roots[1] = await rootOf(next, 2, world.director);
    world.refusedObject = { name: 'root-1', status: 410, code: 'instance_decommissioned' };
    await expect(world.run()).rejects.toMatchObject({ code: 'unavailable' });
    world.refusedObject = undefined;

    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      code: null,
      desired_state_version: 6,
    });
  });

  it('that only the old keys or only the new ones signed is refused', async () => {
    const next = director();
    await world.publish({ modules: [module], version: 6, signer: next });
    world.roots[1] = await rootOf(next, 2);
    await refused('root_untrusted');

    const unproven = makeRoot({ publicKeyPem: next.publicKeyPem, expires: inAWeek, version: 2 });
    world.roots[1] = await signMetadata(unproven, world.director.signer, world.director.keyId);
    await refused('root_untrusted');
  });

  it('is followed over several versions by a machine that was offline, and each version is checked', async () => {
    const [second, third, fourth] = [director(), director(), director()];
    world.roots.push(await rootOf(second, 2, world.director), await rootOf(third, 3, second));
    world.roots.push(await rootOf(fourth, 4, third));
    await world.publish({ modules: [await site('another page')], version: 6, signer: fourth });

    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      code: null,
      desired_state_version: 6,
    });

    const kept = await readFile(join(world.dir, 'agent/root.json'));
    expect(rootSha256(kept)).toBe(rootSha256(world.roots[3] as Buffer));

    for (const old of [world.director, second, third]) {
      await world.publish({ modules: [module], version: 7, signer: old });
      expect((await world.run()).report.code).toBe('desired_state_signature_invalid');
    }
  });

  it('that replaces a stolen director key ends what its thief did: versions start again', async () => {
    const next = director();
    await world.publish({
      modules: [await site('another page')],
      version: Number.MAX_SAFE_INTEGER,
    });
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    await world.publish({ modules: [module], version: 6 });
    expect((await world.run()).report).toMatchObject({ code: 'desired_state_version_rollback' });
    world.roots[1] = await rootOf(next, 2, world.director);
    await world.publish({ modules: [module], version: 7, signer: next });

    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      code: null,
      desired_state_version: 7,
    });

    await world.publish({ modules: [module], version: 6, signer: next });
    await expect(world.run()).resolves.toMatchObject({
      report: { code: 'desired_state_version_rollback' },
    });
    await world.publish({ modules: [module], version: Number.MAX_SAFE_INTEGER });
    await expect(world.run()).resolves.toMatchObject({
      report: { code: 'desired_state_signature_invalid' },
    });
  });

  it('that was replaced keeps a machine running until its desired state is signed again', async () => {
    world.roots[1] = await rootOf(director(), 2, world.director);
    const inAnHour = new Date(Date.now() + 60 * 60_000);

    world.now = () => inAnHour;
    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      code: null,
      health: 'healthy',
    });

    expect(
      JSON.parse(await readFile(join(world.dir, 'agent/root.json'), 'utf8')).signed.version,
    ).toBe(2);
  });
});
