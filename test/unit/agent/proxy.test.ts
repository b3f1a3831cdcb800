import { afterEach, beforeEach, expect, it } from 'vitest';
import { runGantry } from '../../support/gantry.ts';
import { type HttpProxy, startHttpProxy } from '../../support/http-proxy.ts';
import { World } from './world.ts';

let world: World;
let proxy: HttpProxy;
beforeEach(async () => {
  world = await World.start();
  proxy = await startHttpProxy();
});
afterEach(async () => {
  await world.stop();
  await proxy.stop();
});

// findings/registries.md, row 21: breadboard-ai/breadboard#75, node-fetch/node-fetch#1770.
it('report proxy-env: a machine calls the API and the bucket through its proxy', async () => {
  // An empty NO_PROXY lets the proxy have loopback too, where this control plane is.
  const env = { HTTP_PROXY: proxy.url, NO_PROXY: '', http_proxy: undefined, no_proxy: undefined };
  const agent = (...args: string[]) => runGantry(['agent', ...args, '--root', world.dir], { env });
  const module = await world.module({ name: 'a', files: { '/etc/a': 'a' } });

  expect(await agent('enroll', '--token', world.token())).toMatchObject({ code: 0 });
  await world.publish({ modules: [module], version: 1 });
  expect(await agent('run', '--once')).toMatchObject({ code: 0, stderr: '' });

  const asked = proxy.asked.map((line) =>
    decodeURIComponent(line.replace(world.url, '').replace(/\?.*/, '')),
  );
  expect(asked.sort()).toEqual([...world.requests].sort());
  expect(asked).toContain('POST /api/v1/agent/enroll');
  expect(asked).toContain(`GET /bucket/${module.layer.layer_digest}`);
});
