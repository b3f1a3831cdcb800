import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it, vi } from 'vitest';
import { awsClients } from '../../../shared/aws/clients.ts';

it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
  'a map with the key %s is stored as any other map',
  async (key) => {
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'none');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'none');
    const { dynamodb } = awsClients({});
    let sent: unknown;
    // Ends the request before it is signed and sent.
    dynamodb.middlewareStack.add(
      () => async (args) => {
        sent = JSON.parse(Buffer.from(Object(args).request.body).toString());
        return { response: {}, output: { $metadata: {} } };
      },
      { step: 'build' },
    );

    await dynamodb.send(
      new PutCommand({ TableName: 't', Item: { modules: { [key]: 'sha256:1' } } }),
    );
    expect(sent).toMatchObject({ Item: { modules: { M: { [key]: { S: 'sha256:1' } } } } });
  },
);
