import { GantryError } from '../shared/base/error.ts';
import type { ControlPlane } from './control-plane.ts';
import { bytesOf, type HttpAnswer, problemOf, request } from './http.ts';

/** Where content comes from: names as in the desired state, bytes from presigned URLs. */
export class ArtifactSource {
  readonly #controlPlane: ControlPlane;
  readonly #urls = new Map<string, string>();

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /** Opens `sha256:<hex>` (manifest, index, layer) or `evidence:sha256:<hex>`. Nothing of it is to be trusted. */
  async open(name: string): Promise<HttpAnswer> {
    const known = this.#urls.get(name);
    if (known !== undefined) {
      const answer = await request(known);
      if (answer.status === 200) return answer;
      // The URL may have run out: asked anew below.
      this.#urls.delete(name);
      await problemOf(answer, name);
    }
    await this.locate([name]);
    const url = this.#urls.get(name);
    if (url === undefined)
      throw new GantryError('unavailable', `The control plane does not hand out ${name}.`, {
        field: name,
      });
    const answer = await request(url);
    if (answer.status === 200) return answer;
    throw new GantryError(
      'unavailable',
      `${name} was answered with ${answer.status}, expected 200.`,
      {
        cause: await problemOf(answer, name),
      },
    );
  }

  async read(name: string, max: number): Promise<Buffer> {
    return await bytesOf(await this.open(name), max, name);
  }

  /** Asks for several URLs in one call. */
  async locate(names: string[]): Promise<void> {
    const missing = names.filter((name) => !this.#urls.has(name));
    if (missing.length === 0) return;
    for (const [name, url] of Object.entries(await this.#controlPlane.artifactUrls(missing)))
      this.#urls.set(name, url);
  }
}
