import { GantryError } from '../../shared/base/error.ts';
import type { ControlPlane } from './control-plane.ts';
import { type HttpResponse, readBody, readProblem, request } from './http.ts';

/**
 * Fetches content by its name in the desired state, from presigned URLs. The bytes are not verified
 * yet.
 */
export class ArtifactSource {
  readonly #controlPlane: ControlPlane;
  readonly #urls = new Map<string, string>();

  constructor(controlPlane: ControlPlane) {
    this.#controlPlane = controlPlane;
  }

  /**
   * Opens `sha256:<hex>` (manifest, index, layer) or `stored-signatures:sha256:<hex>` (signatures).
   *
   * @throws `unavailable`, also when the control plane gives no address for the name.
   */
  async open(name: string): Promise<HttpResponse> {
    const known = this.#urls.get(name);
    if (known !== undefined) {
      const response = await request(known);
      if (response.status === 200) return response;
      // The URL may have expired. The control plane gives a new one below.
      this.#urls.delete(name);
      await readProblem(response, name);
    }

    const response = await request(await this.#locate(name));
    if (response.status === 200) return response;

    throw new GantryError(
      'unavailable',
      `${name} could not be fetched: expected status 200, found ${response.status}.`,
      { cause: await readProblem(response, name) },
    );
  }

  async read(name: string, max: number): Promise<Buffer> {
    return readBody(await this.open(name), max, name);
  }

  async #locate(name: string): Promise<string> {
    const urls = await this.#controlPlane.artifactUrls([name]);
    for (const [found, url] of Object.entries(urls)) this.#urls.set(found, url);

    const url = this.#urls.get(name);
    if (url === undefined) {
      throw new GantryError('unavailable', `The control plane gives no address for ${name}.`, {
        field: name,
      });
    }

    return url;
  }
}
