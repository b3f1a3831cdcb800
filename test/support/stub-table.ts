import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Db } from '../../shared/store/table/index.ts';

/**
 * A table whose client answers each command by `answer`, and the inputs of the commands that it
 * got.
 */
export function tableThat(answer: (input: Record<string, unknown>) => object) {
  const inputs: Record<string, unknown>[] = [];
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'local' }));

  client.middlewareStack.add(
    () => async (args) => {
      const input = { ...args.input };
      inputs.push(input);
      return { response: {}, output: { $metadata: {}, ...answer(input) } };
    },
    { step: 'initialize', priority: 'high' },
  );

  const db: Db = { client, table: 'boats' };
  return { db, inputs };
}
