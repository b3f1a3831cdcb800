import { z } from 'zod';
import { errnoOf } from '../failure.ts';
import { overwrite } from '../files.ts';
import { formatJson, readJson, writeJson } from '../state.ts';

const placeSchema = z.object({ nonce: z.string().nullable(), attempt: z.int().nonnegative() });
type Place = z.infer<typeof placeSchema>;

/**
 * This machine's place in the chain of its calls (shared/domain/machines/call-chain.ts). Each step
 * is saved before the agent acts on it, because a machine that forgets a step looks like a second
 * machine with the same key.
 */
export class CallChain {
  readonly #path: string;
  #place: Place;

  private constructor(path: string, place: Place) {
    this.#path = path;
    this.#place = place;
  }

  static async open(path: string): Promise<CallChain> {
    const cure = 'Remove it and the credential beside it, and enrol again.';
    const place = await readJson(path, placeSchema, cure);
    return new CallChain(path, place ?? { nonce: null, attempt: 0 });
  }

  /** Takes the place of the next call. */
  async next(): Promise<Place> {
    await this.#save({ ...this.#place, attempt: this.#place.attempt + 1 });
    return this.#place;
  }

  /** Records the nonce of a response. A response that failed authentication has none. */
  async recordResponse(nonce: string | null): Promise<void> {
    if (nonce !== null) await this.#save({ nonce, attempt: 0 });
  }

  async #save(place: Place): Promise<void> {
    this.#place = place;
    try {
      await writeJson(this.#path, place, 0o600);
    } catch (error) {
      if (errnoOf(error) !== 'ENOSPC') throw error;
      // Without this, a machine with a full disk could not report that the disk is full.
      await overwrite(this.#path, formatJson(place));
    }
  }
}
