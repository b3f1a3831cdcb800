import { z } from 'zod';
import { readJson, writeJson } from './state.ts';

const placeSchema = z.object({ nonce: z.string().nullable(), attempt: z.int().nonnegative() });
type Place = z.infer<typeof placeSchema>;

/**
 * Where this machine stands in the chain of its calls (shared/dpop/call-chain.ts). Each step is on the disk before it is
 * acted on: a machine that forgot one would look like a second machine with its key.
 */
export class Calls {
  readonly #path: string;
  #place: Place;

  private constructor(path: string, place: Place) {
    this.#path = path;
    this.#place = place;
  }

  static async open(path: string): Promise<Calls> {
    return new Calls(path, (await readJson(path, placeSchema)) ?? { nonce: null, attempt: 0 });
  }

  /** The place of the call that is about to be made. */
  async next(): Promise<Place> {
    await this.#keep({ ...this.#place, attempt: this.#place.attempt + 1 });
    return this.#place;
  }

  /** Takes the nonce of an answer, where it has one: an answer that came before authentication has none. */
  async answered(nonce: string | null): Promise<void> {
    if (nonce !== null) await this.#keep({ nonce, attempt: 0 });
  }

  async #keep(place: Place): Promise<void> {
    this.#place = place;
    await writeJson(this.#path, place, 0o600);
  }
}
