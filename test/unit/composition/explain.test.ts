import { describe, expect, it } from 'vitest';
import { compose, explainPath, indexOf } from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { layer } from './factory.ts';

const explained = (path: string, ...layers: CompositionLayer[]) =>
  explainPath(indexOf(compose(layers)), path);

const base = layer('acme/base', 10, ['/etc/motd', '/etc/ssl/key'], {
  protected_spec: ['/etc/ssl/key'],
});
const site = layer('acme/site', 90, ['/etc/motd', '/etc/ssl/key', '/etc/ssl/site']);
const edge = layer('acme/edge', 92, ['/etc/motd'], { version: '2.0.0' });

describe('explainPath', () => {
  it('names the owner, and those below it, highest first', () => {
    const explanation = explained('/etc/motd', base, site, edge);
    expect(explanation.present).toEqual({
      by: 'acme/edge',
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      rendered: false,
    });

    expect(
      explanation.candidates.map(({ module, outcome, because_of }) => [
        module,
        outcome,
        because_of,
      ]),
    ).toEqual([
      ['acme/edge', 'wins', null],
      ['acme/site', 'shadowed', 'acme/edge'],
      ['acme/base', 'shadowed', 'acme/edge'],
    ]);

    expect(explanation.sentences).toEqual([
      '/etc/motd is from acme/edge 2.0.0 (priority 92).',
      'acme/site 1.0.0 (priority 90) has it too; that of acme/edge covers it.',
      'acme/base 1.0.0 (priority 10) has it too; that of acme/edge covers it.',
    ]);
  });

  it('names who protects the path and what is dropped for it', () => {
    expect(explained('/etc/ssl/key', base, site)).toMatchObject({
      protected_by: [{ module: 'acme/base', as: 'itself', what: '/etc/ssl/key' }],
      sentences: [
        '/etc/ssl/key is from acme/base 1.0.0 (priority 10).',
        'acme/site 1.0.0 (priority 90) has it too; it is dropped because acme/base protects the path.',
        'acme/base protects it.',
      ],
    });
  });

  it('says of a directory whose attributes it has, and what keeps it a directory', () => {
    expect(
      explained('/etc/ssl', base, site, layer('acme/link', 95, ['/etc/ssl -> /tmp'])).sentences,
    ).toEqual([
      '/etc/ssl is a directory; what modules have in it is merged, its mode and owner are those of acme/site.',
      'acme/link 1.0.0 (priority 95) has a file there; it is dropped because acme/base protects the path.',
      'It must stay a directory, because acme/base protects /etc/ssl/key.',
    ]);
  });

  it('says why nothing is at a reserved path', () => {
    const vault = layer('acme/vault', 50, [], {
      protected_spec: ['/vault/*'],
      granted_reservations: ['/vault/*'],
    });
    const explanation = explained('/vault/token', vault, layer('acme/site', 90, ['/vault/token']));

    expect(explanation.present).toBeNull();
    expect(explanation.sentences).toEqual([
      'Nothing is at /vault/token.',
      'acme/site 1.0.0 (priority 90) has a file there; it is dropped because acme/vault protects the path.',
      'It is reserved for acme/vault, which was granted /vault/*.',
    ]);
  });

  it('names the carve-out', () => {
    const child = layer('acme/keys', 12, ['/etc/ssl/key'], {
      variety: 'config',
      parent_module: 'acme/base',
      file_spec: ['/etc/ssl/key'],
      mask: ['/etc/ssl/key'],
    });
    expect(explained('/etc/ssl/key', base, child).sentences.slice(0, 2)).toEqual([
      '/etc/ssl/key is from acme/keys 1.0.0 (priority 12).',
      'acme/keys carves it out of the protection of its parent acme/base.',
    ]);
  });

  it('says which files are rendered for each machine', () => {
    const host = layer('acme/host', 94, ['/etc/motd'], { variety: 'instance' });
    expect(explained('/etc/motd', base, host).sentences[0]).toBe(
      '/etc/motd is from acme/host 1.0.0 (priority 94), rendered for each machine.',
    );
  });

  it('says that nothing is there, and who has the root', () => {
    expect(explained('/nothing', base)).toEqual({
      path: '/nothing',
      present: null,
      candidates: [],
      protected_by: [],
      carved_out: [],
      sentences: ['Nothing is at /nothing.'],
    });
    expect(explained('/').sentences).toEqual([
      '/ is a directory; what modules have in it is merged, its mode and owner are those of no module.',
    ]);
  });
});
