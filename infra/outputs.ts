import { z } from 'zod';
import {
  type QueueName,
  type QueueOutput,
  queueNames,
  queueOutput,
} from '../shared/contract/queues.ts';

const queueOutputs = Object.fromEntries(queueNames.map((name) => [queueOutput(name), z.url()])) as {
  [Name in QueueName as QueueOutput<Name>]: z.ZodURL;
};

/** The outputs of the stack, which the deployer reads (`cdk deploy --outputs-file`). */
export const outputsSchema = z.object({
  DeploymentName: z.string(),
  ApiUrl: z.url(),
  ApiId: z.string(),
  PublicUrl: z.url(),
  TableName: z.string(),
  BucketName: z.string(),
  ...queueOutputs,
  StateMachineArn: z.string(),
  EventBusName: z.string(),
  LinkKeyId: z.string(),
});

export type Outputs = z.infer<typeof outputsSchema>;
