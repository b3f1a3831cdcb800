import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type HttpServer, startHttpServer } from './http-server.ts';

/** A response, as the registry gave it or as a dialect changes it. */
interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

interface Ask {
  method: string;
  url: URL;
  repository: string;
  /** Such as `manifests`, `tags`, `referrers`, `blobs`. */
  kind: string;
  /** A tag or digest. */
  reference: string;
  authorization: string | undefined;
  /** Asks the registry behind the proxy for another path of the repository. */
  other: (path: string) => Promise<Answer>;
}

type Dialect = (ask: Ask, answer: Answer) => Answer | Promise<Answer>;

const json = (value: unknown, headers: Answer['headers'] = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(value)),
});

const bare = (status: number, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers,
  body: Buffer.from(''),
});

const webPage: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: Buffer.from('<html>Log in</html>'),
};

/** Something else than 404 for what is not there. */
const absentAs =
  (absent: Answer): Dialect =>
  ({ kind }, answer) =>
    answer.status === 404 && ['manifests', 'referrers'].includes(kind) ? absent : answer;

const headAs =
  (status: number): Dialect =>
  ({ method, kind }, answer) =>
    method === 'HEAD' && kind === 'manifests' ? bare(status) : answer;

/** Pages of one tag; `link` writes the headers that name the next. */
const pagedBy =
  (link: (path: string, query: string) => string | string[]): Dialect =>
  ({ kind, url }, answer) => {
    if (kind !== 'tags') return answer;
    const tags: string[] = JSON.parse(answer.body.toString()).tags.sort();
    const page = Number(url.searchParams.get('page') ?? 0);
    const next = { link: link(url.pathname, `page=${page + 1}`) };
    return json({ tags: tags.slice(page, page + 1) }, page + 1 < tags.length ? next : {});
  };

const refusedTag =
  (status: number): Dialect =>
  ({ kind, reference }, answer) =>
    kind === 'manifests' && reference === 'v0.9.0' ? bare(status) : answer;

const indexType = 'application/vnd.oci.image.index.v1+json';

/** A referrers API with one more entry, in place of the fallback tag. */
const referrersWith =
  (entry: Record<string, unknown>): Dialect =>
  async ({ kind, reference, other }, answer) => {
    if (kind === 'manifests' && /^sha256-[0-9a-f]{64}$/.test(reference)) return bare(404);
    if (kind !== 'referrers') return answer;

    const tag = await other(`manifests/${reference.replace(':', '-')}`);
    const { manifests } = JSON.parse(tag.body.toString());
    const index = { schemaVersion: 2, manifests: [entry, ...manifests] };
    return json(index, { 'content-type': indexType });
  };

const tokensAs =
  (token: Record<string, unknown>, challenge: (realm: string) => string): Dialect =>
  ({ kind, url, repository, authorization }, answer) => {
    if (kind === 'token') return json(token);
    if (authorization === 'Bearer opaque') return answer;
    return bare(401, {
      'www-authenticate': challenge(new URL(`/v2/${repository}/token`, url).href),
    });
  };

/** A page of many tags of signatures before the real ones. */
const manySignatures: Dialect = ({ kind, url }, answer) => {
  const page = Number(url.searchParams.get('page') ?? 0);
  if (kind !== 'tags' || page === 6) return answer;

  const tags = Array.from({ length: 10_000 }, (_, n) => {
    return `sha256-${String(page * 10_000 + n).padStart(64, '0')}`;
  });
  return json({ tags }, { link: `<?page=${page + 1}>; rel="next"` });
};

const link = (target: string) => `<${target}>; rel="next"`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const sha512 = { mediaType: manifestType, size: 500, digest: `sha512:${'ab'.repeat(64)}` };

/** What registries do, by the public report of each. The name is that of a repository. */
export const dialects: Readonly<Record<string, { report: string; speak: Dialect }>> = {
  'absent-401': { report: 'notaryproject/ratify#231', speak: absentAs(bare(401)) },
  'absent-403': { report: 'sigstore/cosign#2973', speak: absentAs(bare(403)) },
  'absent-405': { report: 'notaryproject/ratify#231', speak: absentAs(bare(405)) },
  'absent-410': { report: 'notaryproject/ratify#231', speak: absentAs(bare(410)) },
  'absent-415': { report: 'notaryproject/ratify#231', speak: absentAs(bare(415)) },
  'absent-500': { report: 'notaryproject/ratify#231', speak: absentAs(bare(500)) },
  'absent-page': { report: 'notaryproject/ratify#231', speak: absentAs(webPage) },
  'absent-login': {
    report: 'notaryproject/ratify#231',
    speak: (ask, answer) =>
      ask.kind === 'login' ? webPage : absentAs(bare(302, { location: '../login' }))(ask, answer),
  },
  'head-403': { report: 'containerd/containerd#6684', speak: headAs(403) },
  'head-404': { report: 'crazy-max/diun#1614', speak: headAs(404) },
  'head-405': { report: 'google/go-containerregistry#971', speak: headAs(405) },
  'next-artifactory': {
    report: 'renovatebot/renovate#15080',
    speak: pagedBy((path, query) => link(`${path.replace(/^\/v2\/[^/]+/, '/v2')}?${query}`)),
  },
  'next-nexus': {
    report: 'sonatype/nexus-public#1011',
    speak: pagedBy((path, query) => link(`http://inner:8081/repository/px${path}?${query}`)),
  },
  'next-two-links': {
    report: 'pulp/pulp_container#220',
    speak: pagedBy((path, query) => ['</docs>; rel="help"', link(`${path}?${query}`)]),
  },
  'empty-page': {
    report: 'opencontainers/distribution-spec#470',
    speak: ({ kind, url }, answer) =>
      kind !== 'tags' || url.search.includes('last')
        ? answer
        : json({ tags: [] }, { link: link(`${url.pathname}?last=zz`) }),
  },
  'many-signatures': { report: 'gadievron/raptor#495', speak: manySignatures },
  'tag-403': { report: 'goharbor/harbor#15885', speak: refusedTag(403) },
  'tag-412': { report: 'goharbor/harbor#15159', speak: refusedTag(412) },
  'tag-500': { report: 'goharbor/harbor#19408', speak: refusedTag(500) },
  'referrer-sha512': {
    report: 'opencontainers/distribution-spec#494',
    speak: referrersWith(sha512),
  },
  'token-text': {
    report: 'distribution/distribution#1746',
    speak: tokensAs({ token: 'opaque', expires_in: '300' }, (realm) => `Bearer realm="${realm}"`),
  },
  'token-access': {
    report: 'google/go-containerregistry#81',
    speak: tokensAs(
      { token: '', access_token: 'opaque', expires_in: null },
      (realm) => `Basic realm="r", bearer realm="${realm}"`,
    ),
  },
};

export interface DialectRegistry extends HttpServer {
  /** Each repository speaks the dialect that the last part of its path names. */
  speaking: boolean;
}

/** A proxy before a real registry. Each repository speaks the dialect that it is named after. */
export async function startDialectRegistry(target: string): Promise<DialectRegistry> {
  const state = { speaking: false };
  const server = await startHttpServer(async (request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const [, repository = '', kind = '', reference = ''] =
      /^\/v2\/(.+?)\/(manifests|tags|referrers|blobs|token|login)(?:\/(.*))?$/.exec(url.pathname) ??
      [];

    const answer = await forward(target, request, `${url.pathname}${url.search}`);
    const dialect = dialects[repository.split('/').at(-1) ?? ''];
    const reads = ['GET', 'HEAD'].includes(request.method ?? '');

    const ask: Ask = {
      method: request.method ?? '',
      url,
      repository,
      kind,
      reference: decodeURIComponent(reference),
      authorization: request.headers.authorization,
      other: (path) => forward(target, null, `/v2/${repository}/${path}`),
    };
    const spoken = state.speaking && reads && dialect ? await dialect.speak(ask, answer) : answer;
    const isWhole = request.method === 'HEAD' || spoken === answer;
    response.writeHead(spoken.status, isWhole ? spoken.headers : withLength(spoken));
    response.end(request.method === 'HEAD' ? undefined : spoken.body);
  });

  return Object.assign(state, server);
}

function withLength({ headers, body }: Answer): Answer['headers'] {
  return { ...headers, 'content-length': String(body.length) };
}

/** Sends a request on, or a GET of another path, and reads the response whole. */
function forward(target: string, from: IncomingMessage | null, path: string): Promise<Answer> {
  const [hostname, port] = target.split(':');
  const { authorization: _, ...headers } = from?.headers ?? { accept: indexType };
  const method = from?.method ?? 'GET';

  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path, headers }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const { statusCode: status = 502, headers: received } = answer;
      resolve({ status, headers: received, body: Buffer.concat(chunks) });
    });
    sent.on('error', reject);
    if (from === null) sent.end();
    else from.pipe(sent);
  });
}
