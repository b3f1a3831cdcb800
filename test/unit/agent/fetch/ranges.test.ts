import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFileIndex, encodeFileIndex } from '../../../../shared/artifact/index.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import type { TreeEntry } from '../../../../shared/domain/files/index.ts';
import { expectApplied } from '../expect-applied.ts';
import { type AskedObject, type Module, World } from '../world.ts';

/** Large enough that ranges with a gap of one file are not joined. */
const fileBytes = limits.agentRequestBytes + 1;
const count = 20;

let world: World;
let files: Record<string, string>;
let module: Module;

beforeEach(async () => {
  world = await World.start();
  await world.enroll();
  files = Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `/srv/${n}`,
      randomBytes(fileBytes).toString('latin1'),
    ]),
  );
  await publish(1);
  await world.run();
  world.requests.length = 0;
  world.sent.clear();
});
afterEach(() => world.stop());

async function publish(version: number, changed: Record<string, string> = {}): Promise<void> {
  files = { ...files, ...changed };
  module = await world.module({ name: 'site', files });
  await world.publish({ modules: [module], version });
}

const layer = () => module.layer.layer_digest;
const layerBytes = () => (world.objects.get(layer()) as Buffer).length;
const ranges = () => world.requests.filter((line) => line === `GET /bucket/${layer()}`).length;

const asked = (verb: string) =>
  world.requests.filter((line) => line === `POST /api/v1/agent/${verb}`).length;

async function expectUpdate(version: number): Promise<void> {
  await expectApplied(world, version);
  await expectRoot();
}

async function expectRoot(): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const found = await readFile(join(world.dir, 'current', path), 'utf8');
    expect(found === text).toBe(true);
  }
}

describe('an update', () => {
  it('fetches the one file that changed, by one range, and rebuilds the rest', async () => {
    const text = 'a text of more than sixty-four bytes, which is therefore not in the image itself';
    await publish(2, { '/srv/7': text });

    await expectUpdate(2);
    expect(world.sent.get(layer())).toBe(text.length);
    expect(world.requests).toEqual([
      'GET /bucket/desired-state',
      'POST /api/v1/agent/artifacts',
      `GET /bucket/${module.layer.manifest_digest}`,
      `GET /bucket/stored-signatures:${module.layer.digest}`,
      `GET /bucket/file-index:${layer()}`,
      `GET /bucket/${layer()}`,
      'POST /api/v1/agent/report',
    ]);
  });

  it('that only renames files fetches nothing of the layer', async () => {
    const { '/srv/3': moved = '', ...others } = files;
    files = { ...others, '/etc/three': moved };
    await publish(2);

    await expectUpdate(2);
    expect(ranges()).toBe(0);
    // A complete layer needs no index.
    expect(await readdir(join(world.dir, 'store/indexes'))).toEqual([]);
  });

  it('fetches what scattered changes need by a range each', async () => {
    await publish(2, { '/srv/2': `${files['/srv/2']}2`, '/srv/9': 'x'.repeat(100) });

    await expectUpdate(2);
    expect(ranges()).toBe(2);
  });

  it('fetches a few of many ranges concurrently, and each once', async () => {
    const changed = Array.from({ length: count / 2 }, (_, n) => [
      `/srv/${2 * n + 10}`,
      'x'.repeat(100 + n),
    ]);
    await publish(2, Object.fromEntries(changed));
    const open = new Set<string>();
    let most = 0;
    let answered = 0;
    world.intercept = ({ bytes, range = '' }, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
      if (from === undefined) return false;

      most = Math.max(most, open.add(range).size);
      setTimeout(
        () => {
          open.delete(range);
          response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}` });
          response.end(bytes.subarray(Number(from), Number(to) + 1));
        },
        // The first ones arrive last.
        Math.max(10, 100 - 10 * answered++),
      );
      return true;
    };

    await expectUpdate(2);
    expect(most).toBe(limits.agentRangesAtATime);
    expect(ranges()).toBe(answered);
  });

  it('fetches an object again that is damaged, and nothing else', async () => {
    const { verity = '' } = module.layer.entries.find(({ path }) => path === '/srv/5') as TreeEntry;
    const object = join(world.dir, 'store', verity.slice(0, 2), verity.slice(2));
    await writeFile(object, 'damaged');

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'unchanged', code: 'store_tampered' });
    expect(world.sent.get(layer())).toBe(Buffer.byteLength(files['/srv/5'] ?? ''));
    await expectRoot();
  });
});

describe('a range', () => {
  const changed = { '/srv/7': `changed ${'x'.repeat(fileBytes)}` };
  type Wrong = (asked: AskedObject & { part: Buffer; content: string }, to: ServerResponse) => void;

  const wrong: [string, Wrong][] = [
    [
      'of other bytes',
      ({ part, content }, to) => to.writeHead(206, { 'content-range': content }).end(zeros(part)),
    ],
    ['that is the whole layer', ({ bytes }, to) => to.writeHead(200).end(bytes)],
    ['without Content-Range', ({ part }, to) => to.writeHead(206).end(part)],
    [
      'from another place',
      ({ part }, to) =>
        to.writeHead(206, { 'content-range': `bytes 0-${part.length - 1}/9` }).end(part),
    ],
    [
      'that is too short',
      ({ part, content }, to) =>
        to.writeHead(206, { 'content-range': content }).end(part.subarray(1)),
    ],
    [
      'that is too long',
      ({ part, content }, to) =>
        to.writeHead(206, { 'content-range': content }).end(Buffer.concat([part, part])),
    ],
    ['that the layer does not have', (_, to) => to.writeHead(416).end()],
  ];

  function answer(respond: Wrong): void {
    world.intercept = (asked, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range ?? '') ?? [];
      if (from === undefined) return false;

      const part = asked.bytes.subarray(Number(from), Number(to) + 1);
      respond({ ...asked, part, content: `bytes ${from}-${to}/${asked.bytes.length}` }, response);
      return true;
    };
  }

  it.each(wrong)('%s makes way for the whole layer', async (_, respond) => {
    await publish(2, changed);
    answer(respond);

    await expectUpdate(2);
    expect(world.sent.get(layer())).toBe(layerBytes());
  });

  it('of other bytes, and a whole layer of other bytes, is refused', async () => {
    await publish(2, changed);
    const digest = layer();
    answer(({ part, content }, to) =>
      to.writeHead(206, { 'content-range': content }).end(zeros(part)),
    );
    world.objects.set(digest, zeros(world.objects.get(digest) as Buffer));

    const { report, generation } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'layer_mismatch' });
    expect(generation).toBe(1);
  });

  it('that leads elsewhere is not followed', async () => {
    await publish(2, changed);
    answer((_, to) => to.writeHead(302, { location: `${world.url}/bucket/elsewhere` }).end());

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'unavailable' });
    expect(world.requests).not.toContain('GET /bucket/elsewhere');

    world.intercept = undefined;
    await expectUpdate(2);
  });

  it('that breaks continues where it broke', async () => {
    await publish(2, changed);
    let breaks = 0;
    answer(({ part, content }, to) => {
      to.writeHead(206, { 'content-range': content, 'content-length': part.length });
      if (breaks++ < 2) to.write(part.subarray(0, 1000), () => to.destroy());
      else to.end(part);
    });

    await expectUpdate(2);
    expect(ranges()).toBe(3);
  });

  it('that never arrives leaves what did for the next tick', async () => {
    await publish(2, {
      '/srv/2': `changed ${'x'.repeat(fileBytes)}`,
      '/srv/9': 'y'.repeat(fileBytes),
    });
    const digest = layer();
    world.intercept = ({ name }, response) => {
      if (name !== digest || ranges() === 1) return false;
      response.writeHead(404).end();
      return true;
    };

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'unavailable' });
    expect(ranges()).toBeGreaterThan(1);

    world.intercept = undefined;
    world.sent.clear();
    await expectUpdate(2);
    expect(world.sent.get(digest)).toBe(fileBytes);
    expect(world.sent.has(`file-index:${digest}`)).toBe(false);
  });
});

describe('a file index', () => {
  const changed = { '/srv/7': 'y'.repeat(2 * fileBytes) };

  /** Alters the index that the bucket has of the layer. */
  async function alter(
    change: (index: { entries: TreeEntry[]; outside: Buffer }) => void,
  ): Promise<Buffer> {
    const { entries, outside } = await decodeFileIndex(
      world.objects.get(`file-index:${layer()}`) as Buffer,
    );
    const index = { entries: structuredClone(entries), outside: Buffer.from(outside ?? '') };
    change(index);
    return Buffer.from(await encodeFileIndex(index.entries, index.outside));
  }

  const wrong: [string, () => Promise<Buffer> | Buffer | undefined][] = [
    ['that is missing', () => undefined],
    ['of other bytes', () => Buffer.from('index')],
    ['of the first format', () => gzipSync(JSON.stringify({ format: 1, entries: [] }))],
    ['of another tree', () => alter(({ entries }) => entries.pop())],
    [
      'with other outside bytes',
      () => alter((index) => Object.assign(index, { outside: Buffer.from('outside') })),
    ],
    ['with an offset beyond the layer', () => alter(({ entries }) => moveFile(entries, 1e9))],
    ['with contents that overlap', () => alter(({ entries }) => moveFile(entries, 1))],
    ['with another offset', () => alter(({ entries }) => moveFile(entries, -512))],
  ];

  /** Moves the changed file in the layer. */
  function moveFile(entries: TreeEntry[], by: number): void {
    for (const entry of entries) {
      if (entry.path === '/srv/7') entry.offset = (entry.offset ?? 0) + by;
    }
  }

  it.each(wrong)('%s makes way for the whole layer', async (_, make) => {
    await publish(2, changed);
    const bytes = await make();
    if (bytes === undefined) world.objects.delete(`file-index:${layer()}`);
    else world.objects.set(`file-index:${layer()}`, bytes);

    await expectUpdate(2);
    expect(world.sent.get(layer())).toBeGreaterThanOrEqual(layerBytes());
  });

  it('gets a new address when the known one has expired', async () => {
    await publish(2, changed);
    const digest = layer();
    world.intercept = ({ name }, response) => {
      if (name !== `file-index:${digest}` || asked('artifacts') > 1) return false;
      response.writeHead(403).end();
      return true;
    };

    await expectUpdate(2);
    expect(asked('artifacts')).toBe(2);
    expect(world.sent.get(digest)).toBe(2 * fileBytes);
  });

  it('is not asked for again where an earlier control plane refuses its name', async () => {
    await publish(2, changed);
    world.refusedNames = /^file-index:/;

    await expectUpdate(2);
    expect(world.sent.get(layer())).toBe(layerBytes());
  });
});

function zeros({ length }: Buffer): Buffer {
  return Buffer.alloc(length);
}
