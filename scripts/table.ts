import { CreateTableCommand, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

/**
 * Creates a table with the keys and indexes of infra/storage.ts, for work on the local cloud beside
 * the stack.
 */
export function createTable(TableName: string): CreateTableCommand {
  const keys = (prefix: string): CreateTableCommandInput['KeySchema'] => [
    { AttributeName: `${prefix}pk`, KeyType: 'HASH' },
    { AttributeName: `${prefix}sk`, KeyType: 'RANGE' },
  ];
  return new CreateTableCommand({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['', 'gsi1', 'gsi2'].flatMap((prefix) => [
      { AttributeName: `${prefix}pk`, AttributeType: 'S' },
      { AttributeName: `${prefix}sk`, AttributeType: 'S' },
    ]),
    KeySchema: keys(''),
    GlobalSecondaryIndexes: ['gsi1', 'gsi2'].map((IndexName) => ({
      IndexName,
      KeySchema: keys(IndexName),
      Projection: { ProjectionType: 'ALL' },
    })),
  });
}
