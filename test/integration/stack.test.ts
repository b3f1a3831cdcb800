import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, inject, test } from 'vitest';
import { eventually } from '../support/world.ts';

const { directory, outputs, publicUrl } = inject('stack');
const s3 = new S3Client({ forcePathStyle: true });

test('the API answers at the root of one origin', async () => {
  const response = await fetch(`${publicUrl}/api/v1/openapi.json`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ openapi: '3.1.0' });
});

test('what a function logs is in the file that docs/development.md names, one JSON object a line', async () => {
  const correlation = randomUUID();
  await fetch(`${publicUrl}/api/v1/openapi.json`, { headers: { 'x-correlation-id': correlation } });

  const line = await eventually('the line of the request', async () => {
    const log = await readFile(join(directory, 'cloud', 'cloud.log'), 'utf8');
    return log.split('\n').find((text) => text.includes(correlation)) ?? null;
  });
  expect(JSON.parse(line)).toMatchObject({ service: 'api', message: 'request' });
});

test('an object is written once', async () => {
  const object = {
    Bucket: outputs.BucketName,
    Key: 'accounts/x/once',
    Body: 'z',
    IfNoneMatch: '*',
  };

  await s3.send(new PutObjectCommand(object));
  await expect(s3.send(new PutObjectCommand(object))).rejects.toMatchObject({
    name: 'PreconditionFailed',
  });
});

test('a presigned URL is read without credentials, and not without its signature', async () => {
  const where = { Bucket: outputs.BucketName, Key: 'accounts/x/signed' };
  await s3.send(new PutObjectCommand({ ...where, Body: 'content' }));

  const url = await getSignedUrl(s3, new GetObjectCommand(where), { expiresIn: 60 });
  expect(await (await fetch(url)).text()).toBe('content');
  expect((await fetch(url.replace(/X-Amz-Signature=[0-9a-f]+/, 'X-Amz-Signature=00'))).status).toBe(
    403,
  );
});
