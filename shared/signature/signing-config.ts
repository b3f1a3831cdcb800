import { z } from 'zod';
import { GantryError } from '../base/error.ts';

/** The services that a signature is made with. */
export interface SigningServices {
  /** The certificate authority; null where a key signs. */
  fulcio: string | null;
  /** The issuer that people sign in at; null if the configuration names none. */
  oidcIssuer: string | null;
  rekor: { url: string; version: 1 | 2 }[];
  /** Full URLs, for RFC 3161 requests. */
  timestamps: string[];
}

/** Sigstore's public-good instance. Its first log still takes entries and states their time. */
export const publicGoodServices: SigningServices = {
  fulcio: 'https://fulcio.sigstore.dev',
  oidcIssuer: 'https://oauth2.sigstore.dev/auth',
  rekor: [{ url: 'https://rekor.sigstore.dev', version: 1 }],
  timestamps: ['https://timestamp.sigstore.dev/api/v1/timestamp'],
};

const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/$/, ''));
const service = z.looseObject({
  url,
  majorApiVersion: z.number().int(),
  validFor: z
    .looseObject({
      start: z.iso.datetime({ offset: true }).optional(),
      end: z.iso.datetime({ offset: true }).optional(),
    })
    .default({}),
  operator: z.string().default(''),
});
const choice = z.looseObject({
  selector: z.enum(['ALL', 'ANY', 'EXACT']),
  count: z.number().int().positive().default(1),
});
const signingConfig = z.looseObject({
  mediaType: z.literal('application/vnd.dev.sigstore.signingconfig.v0.2+json'),
  caUrls: z.array(service).default([]),
  oidcUrls: z.array(service).default([]),
  rekorTlogUrls: z.array(service).default([]),
  rekorTlogConfig: choice.optional(),
  tsaUrls: z.array(service).default([]),
  tsaConfig: choice.optional(),
});

type Service = z.output<typeof service>;
type Choice = z.output<typeof choice>;

/**
 * Chooses the services of a `signing_config.json`, as its specification demands: of those in force,
 * the newest one of each operator with the highest version that Gantry knows.
 * @param config parsed JSON, as `cosign signing-config create` writes it
 * @throws GantryError `signing_config_invalid`
 */
export function chooseServices(config: unknown, now: Date): SigningServices {
  const parsed = signingConfig.safeParse(config);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`at ${issue?.path.join('.') || 'the document'}: ${issue?.message}`, parsed.error);
  }

  const { caUrls, oidcUrls, rekorTlogUrls, rekorTlogConfig, tsaUrls, tsaConfig } = parsed.data;
  const one: Choice = { selector: 'ANY', count: 1 };
  const choose = (field: string, services: Service[], versions: number[], wanted?: Choice) => {
    if (services.length === 0) return [];
    if (wanted === undefined) throw invalid(`${field} without its configuration of how to choose`);
    return chooseSome(field, findUsable(services, versions, now), wanted);
  };

  return {
    fulcio: choose('caUrls', caUrls, [1], one)[0]?.url ?? null,
    oidcIssuer: choose('oidcUrls', oidcUrls, [1], one)[0]?.url ?? null,
    rekor: choose('rekorTlogUrls', rekorTlogUrls, [1, 2], rekorTlogConfig).map((log) => ({
      url: log.url,
      version: log.majorApiVersion === 2 ? 2 : 1,
    })),
    timestamps: choose('tsaUrls', tsaUrls, [1], tsaConfig).map((authority) => authority.url),
  };
}

/** Leaves those in force of the highest known version, newest first, one of each operator. */
function findUsable(services: Service[], versions: number[], now: Date): Service[] {
  const inForce = services.filter(
    ({ majorApiVersion, validFor: { start, end } }) =>
      versions.includes(majorApiVersion) &&
      (start === undefined || new Date(start) <= now) &&
      (end === undefined || now <= new Date(end)),
  );
  const highest = Math.max(...inForce.map(({ majorApiVersion }) => majorApiVersion));
  const newest = inForce
    .filter(({ majorApiVersion }) => majorApiVersion === highest)
    .sort((a, b) => startOf(b) - startOf(a));

  const operators = newest.map(({ operator }) => operator);
  return newest.filter(({ operator }, at) => operators.indexOf(operator) === at);
}

function chooseSome(field: string, usable: Service[], { selector, count }: Choice): Service[] {
  const needed = selector === 'EXACT' ? count : 1;
  if (usable.length < needed) {
    throw invalid(
      `${needed} service${needed === 1 ? '' : 's of different operators'} in ${field} that ${needed === 1 ? 'is' : 'are'} in force and of a known version, found ${usable.length}`,
    );
  }

  return selector === 'ALL' ? usable : usable.slice(0, needed);
}

function startOf({ validFor }: Service): number {
  return validFor.start === undefined ? 0 : Date.parse(validFor.start);
}

function invalid(reason: string, cause?: unknown): GantryError {
  return new GantryError(
    'signing_config_invalid',
    `expected a Sigstore signing_config.json of version 0.2: ${reason}`,
    { field: '--signing-config', cause },
  );
}
