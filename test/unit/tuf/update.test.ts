import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { shippedTrust } from '../../../shared/signature/index.ts';
import { openTrustState, type TrustState, updateTrustState } from '../../../shared/tuf/index.ts';
import { TufRepository } from '../../support/tuf-repository.ts';

const download = async (url: URL) => {
  const answer = await fetch(url);
  return { status: answer.status, bytes: await answer.bytes() };
};
const [first, second] = [{ name: 'first' }, { name: 'second' }];

let repository: TufRepository;
beforeEach(async () => {
  repository = new TufRepository();
  await repository.start();
  repository.publish(first);
});
afterEach(() => repository.stop());

function update(
  kept: TrustState | null,
  more: { mirror?: string; anchor?: string } = {},
): Promise<TrustState> {
  const { mirror, anchor } = repository;
  return updateTrustState(kept, { mirror, anchor, download, ...more });
}

const open = (state: unknown) => openTrustState(state, repository.anchor);
const refused = expect.objectContaining({ code: 'trust_root_refused' });

describe('a refresh', () => {
  test('brings the target with the metadata that vouches for it', async () => {
    const opened = open(await update(null));
    expect(opened.trustedRoot).toEqual(first);
    expect(Date.parse(opened.fresh_until) - Date.now()).toBeGreaterThan(6 * 24 * 3600 * 1000);
  });

  test('brings a newer target, and asks for nothing but the timestamp when there is none', async () => {
    const kept = await update(null);
    repository.publish(second);

    const newer = await update(kept);
    expect(open(newer).trustedRoot).toEqual(second);
    expect(open(newer).version).not.toBe(open(kept).version);

    const asked = repository.asked.length;
    expect(await update(newer)).toEqual(newer);
    expect(repository.asked.slice(asked)).toEqual(['/2.root.json', '/timestamp.json']);
  });

  test('follows keys that were rotated twice, and what it keeps verifies from the first root', async () => {
    const kept = await update(null);
    repository.rotate();
    repository.rotate();
    repository.publish(second);

    const newer = await update(kept);
    expect(newer.roots).toHaveLength(2);
    expect(open(newer).trustedRoot).toEqual(second);
    expect(await update(newer)).toEqual(newer);
  });

  test('refuses an older timestamp than one that it saw, while the stored state still counts', async () => {
    const older = new Map(repository.files);
    repository.publish(second);

    const kept = await update(null);
    repository.files = older;
    await expect(update(kept)).rejects.toThrow(refused);
    expect(open(kept).trustedRoot).toEqual(second);
  });

  test('refuses a repository that was frozen until its timestamp expired, while the stored state still counts', async () => {
    const kept = await update(null);
    repository.publish(first, { timestamp: -1 });
    await expect(update(kept)).rejects.toThrow(refused);
    expect(open(kept).trustedRoot).toEqual(first);
  });

  test('refuses targets that expired', async () => {
    repository.publish(second, { targets: -1 });
    await expect(update(null)).rejects.toThrow(refused);
  });

  test("refuses another repository's metadata, and a target of another digest", async () => {
    const other = new TufRepository();
    other.publish(first);
    await expect(update(null, { anchor: other.anchor })).rejects.toThrow(refused);

    const target = [...repository.files.keys()].find((path) => path.startsWith('targets/')) ?? '';
    repository.files.set(target, '{"name":"forge"}');
    await expect(update(null)).rejects.toThrow(refused);
  });

  test('that is not answered says so, and is no refusal', async () => {
    const { mirror } = repository;
    await repository.stop();
    await expect(update(null, { mirror })).rejects.toMatchObject({
      code: 'trust_root_unreachable',
    });
  });

  test('by a mirror that has nothing is not answered either', async () => {
    repository.files.clear();
    await expect(update(null)).rejects.toMatchObject({ code: 'trust_root_unreachable' });
  });
});

describe('what is kept', () => {
  test('still counts when all of its metadata expired', async () => {
    const kept = await update(null);
    const later = new TufRepository();

    later.publish(first, { timestamp: -3, targets: -3 });
    const state = {
      ...kept,
      roots: [],
      timestamp: later.files.get('timestamp.json'),
      snapshot: later.files.get('1.snapshot.json'),
      targets: later.files.get('1.targets.json'),
    };

    const opened = openTrustState(state, later.anchor);
    expect(opened.trustedRoot).toEqual(first);
    expect(Date.parse(opened.fresh_until)).toBeLessThan(Date.now());
  });

  test.each([
    ['another target', (state: TrustState) => ({ ...state, trusted_root: '{"name":"forge"}' })],
    ['no targets', (state: TrustState) => ({ ...state, targets: '' })],
    ['no chain of roots', (state: TrustState) => ({ ...state, roots: [] })],
  ])('with %s is refused', async (_, change) => {
    repository.rotate();
    repository.publish(second);
    const kept = await update(null);
    expect(() => open(change(kept))).toThrow(refused);
  });

  test('is refused whole when another repository signed it', async () => {
    const other = new TufRepository();
    await other.start();
    other.publish(second);

    const forged = await updateTrustState(null, {
      mirror: other.mirror,
      anchor: other.anchor,
      download,
    });

    await other.stop();
    expect(() => open(forged)).toThrow(refused);
    expect(() => open({ ...forged, roots: [other.anchor] })).toThrow(refused);
  });

  test('from before a newer root was shipped verifies from the newer one', async () => {
    const kept = await update(null);
    repository.rotate();
    repository.publish(second);

    const newer = await update(kept);
    const [shipped = ''] = newer.roots;

    expect(openTrustState(newer, shipped).trustedRoot).toEqual(second);
    expect(await update(newer, { anchor: shipped })).toEqual(newer);
  });
});

test('the shipped copy is a trust root with the root metadata of its repository', () => {
  const { root, trustedRoot, version } = shippedTrust();
  expect(JSON.parse(root)).toMatchObject({ signed: { _type: 'root' } });
  expect(trustedRoot).toMatchObject({ mediaType: expect.stringContaining('trustedroot') });
  expect(version).toMatch(/^[0-9a-f]{64}$/);
});
