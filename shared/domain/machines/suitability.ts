import {
  type Platforms,
  servedPlatforms,
  servingPlatform,
  type VersionKind,
} from '../modules/index.ts';
import type { Template, Track } from '../templates/index.ts';

/** The version of a module that a track hands out, its kind, and the platforms that it serves. */
export interface Offer {
  track: Track;
  version: string;
  kind: VersionKind;
  platforms: Platforms;
}

/** Whether a template would take a module. */
export interface Suitability {
  template_id: string;
  name: string;
  platform: string;
  takes: boolean;
  /**
   * Why not, in one word: `none`, `assigned`, `no_version`, `kind`, `platform`; `conflict` if the
   * template cannot be composed with it.
   */
  reason: 'none' | 'assigned' | 'no_version' | 'kind' | 'platform' | 'conflict';
  message: string | null;
  /** The version that it would get, for each track that has one. */
  offers: { track: Track; version: string }[];
}

/**
 * Judges one template by rows alone: its files may still conflict. The versions of all tracks must
 * have a build for its platform, because a track is composed as soon as a machine follows it. A
 * track without a version leaves the module out and refuses nothing.
 */
export function suitability(
  template: Template,
  assigned: boolean,
  offers: readonly Offer[],
): Suitability {
  const { id, name, platform } = template;
  const unfit = offers.filter(({ platforms }) => servingPlatform(platforms, platform) === null);

  const [reason, message] = ((): [Suitability['reason'], string | null] => {
    if (assigned) return ['assigned', 'it is assigned already'];
    if (offers.length === 0)
      return ['no_version', 'expected a version in staging or further, found none'];

    const code = offers.find(({ kind }) => kind === 'platform');
    if (code)
      return [
        'kind',
        `expected a module of files, found that ${code.version} (${code.track}) is a platform module`,
      ];

    if (unfit.length === 0) return ['none', null];
    const found = unfit.map(
      ({ track, version, platforms }) =>
        `${version} (${track}) for ${servedPlatforms(platforms).join(', ')}`,
    );

    return ['platform', `expected a build for ${platform}, found ${found.join('; ')}`];
  })();

  return {
    template_id: id,
    name,
    platform,
    takes: reason === 'none',
    reason,
    message,
    offers: offers.map(({ track, version }) => ({ track, version })),
  };
}

/** A template that takes the module by the rows, and that cannot be composed with it. */
export function withConflict(one: Suitability, message: string): Suitability {
  return { ...one, takes: false, reason: 'conflict', message };
}
