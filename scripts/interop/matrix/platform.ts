import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { RegisterModuleBody } from '../../../shared/contract/modules/index.ts';
import { versionsAnswer } from '../../../shared/contract/modules/index.ts';
import type { Login } from '../bench.ts';

/** The deployed platform, as an account of its own sees it. */
export interface Platform {
  register: (module: RegisterModuleBody) => Promise<void>;
  logIn: (host: string, login: Login) => Promise<void>;
  /** Polls a module and waits until it has a version, or a reason why it has none. */
  follow: (module: string) => Promise<Outcome>;
}

export interface Outcome {
  built: boolean;
  /** Where the signature was that satisfied the policy; otherwise code and sentence. */
  found: string;
}

const followMs = 180_000;
const pollView = z.object({
  poll: z.looseObject({ last_error: z.unknown() }).nullable(),
});

export function openPlatform(publicUrl: string, token: string): Platform {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${publicUrl}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };

  return {
    register: async (module) => {
      await call('POST', '/modules', module);
    },
    logIn: async (host, login) => {
      await call('PUT', `/registries/${host}`, login);
    },
    follow: async (module) => {
      await call('POST', `/modules/${module}/poll`);
      for (const deadline = Date.now() + followMs; Date.now() < deadline; await sleep(1000)) {
        const outcome = readOutcome(await call('GET', `/modules/${module}/versions`));
        if (outcome !== null) return outcome;
      }

      const { poll } = pollView.parse(await call('GET', `/modules/${module}`));
      return { built: false, found: `no version in time; polling: ${JSON.stringify(poll)}` };
    },
  };
}

const final = ['rejected', 'awaiting_signature'];

function readOutcome(answer: unknown): Outcome | null {
  const { versions, candidates } = versionsAnswer.parse(answer);
  const [version] = versions;
  if (version !== undefined) {
    const sources = version.signatures
      .filter(({ verified }) => verified)
      .map(({ source }) => source);
    return {
      built: version.promotion_state === 'built',
      found: [...new Set(sources)].sort().join(', '),
    };
  }

  const refused = candidates.find(({ state }) => final.includes(state));
  if (refused === undefined) return null;
  return { built: false, found: `${refused.state}: ${refused.message} (${refused.code})` };
}
