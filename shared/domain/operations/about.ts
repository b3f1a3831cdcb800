import { splitModule } from '../templates/index.ts';
import type { Operation } from './operation.ts';

/**
 * The object of the account that an operation is about, as the subjects of events name it: the one
 * of its first change. Null for a change of the whole account.
 */
export function aboutOf({ account, changes }: Pick<Operation, 'account' | 'changes'>) {
  const [change] = changes;
  if (change === undefined) return null;
  if ('template_id' in change) return `template/${change.template_id}`;
  if ('module' in change) return `module/${splitModule(change.module, account).name}`;
  if ('instance_id' in change) return `instance/${change.instance_id}`;
  if ('member_id' in change) return `member/${change.member_id}`;
  if ('policy' in change) return `policy/${change.policy.action}`;
  return null;
}
