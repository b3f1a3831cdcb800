import { z } from 'zod';

/** What the stack tells the deployer (`cdk deploy --outputs-file`). */
export const outputsSchema = z.object({
  DeploymentName: z.string(),
  ApiUrl: z.url(),
  ApiId: z.string(),
  PublicUrl: z.url(),
  TableName: z.string(),
  BucketName: z.string(),
  PollQueueUrl: z.url(),
  VerifyQueueUrl: z.url(),
  ReverifyQueueUrl: z.url(),
  IngestQueueUrl: z.url(),
  ComposeQueueUrl: z.url(),
  ReconcileQueueUrl: z.url(),
  CollectQueueUrl: z.url(),
  StateMachineArn: z.string(),
  EventBusName: z.string(),
  LinkKeyId: z.string(),
});

export type Outputs = z.infer<typeof outputsSchema>;
