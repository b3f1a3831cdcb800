import type { z } from 'zod';
import type { listedModuleSchema } from '../../shared/contract/modules/index.ts';

type Poll = z.infer<typeof listedModuleSchema>['poll'];

/** How polling goes, in a few words: whether it works; where it fails, how often in a row, with which code, when next. */
export function pollingOf(poll: Poll): string {
  if (poll === null) return 'not tried yet';
  if (poll.code === null) return poll.polled_at === null ? 'not tried yet' : 'works';
  const times = poll.failures === 1 ? 'once' : `${poll.failures} times`;
  return `failed ${times}: ${poll.code}; again at ${poll.next_poll_at}`;
}
