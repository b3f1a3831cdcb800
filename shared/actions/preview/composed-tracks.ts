import { type Track, tracks } from '../../domain/templates/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import type { Services } from '../context/index.ts';

/** The track `live`, and the others that the template has a composition for. */
export async function composedTracks(
  { db }: Services,
  account: string,
  template_id: string,
): Promise<Track[]> {
  const found = await Promise.all(
    tracks.map((track) => getComposition(db, account, template_id, track)),
  );
  return tracks.filter((track, i) => track === 'live' || found[i] !== null);
}
