import { describe, expect, it } from 'vitest';
import { agentPaths } from '../../../../agent/paths.ts';
import type { RecordOptions } from '../../../../agent/services/make-services-record.ts';
import { makeServicesRecord } from '../../../../agent/services/make-services-record.ts';
import type { GeneratedService } from '../../../../shared/domain/compose/index.ts';

const unitPath = '/usr/lib/systemd/system/redis-server.service';
const dropInPath = '/etc/systemd/system/redis-server.service.d/10-limits.conf';
const texts = new Map([
  [unitPath, '[Service]\nExecStart=/usr/bin/redis-server\n'],
  [dropInPath, '[Service]\nLimitNOFILE=65535\n'],
]);

function service(changed: Partial<GeneratedService> = {}): GeneratedService {
  return {
    unit: 'redis-server.service',
    aliases: ['redis.service'],
    account: 'acme',
    module: 'my-redis',
    service: 'redis-server',
    managed: 'drop-in',
    files: [...texts.keys()],
    after: [],
    after_healthy: [],
    user: null,
    digest: 'a'.repeat(64),
    reboot_required: false,
    health: null,
    ...changed,
  };
}

async function record(isBooted: boolean, services: GeneratedService[] = [service()]) {
  const entries = [...texts.keys()].map((path) => ({ path, type: 'file' }));
  const content = {
    desired: { state: { account: 'acme' } },
    tree: { entries, contents: texts },
    services,
    probes: [],
  } as unknown as RecordOptions['content'];
  const paths = agentPaths('/var/lib/gantry');
  const options = { paths, content, root: '/var/lib/gantry/generations/2', epoch: 0, isBooted };
  return makeServicesRecord({ ...options, store: {} as RecordOptions['store'] });
}

describe('the record of services', () => {
  it('has a unit of its own on a machine that has other units', async () => {
    const made = await record(false);
    expect(made.services.map(({ unit }) => unit)).toEqual(['gantry-my-redis:redis-server.service']);
    expect(made.run).toMatch(/^\/run\/gantry-agent\/[0-9a-f]+\/run$/);
  });

  it("replaces the package's unit on a machine that booted from the composition", async () => {
    const made = await record(true);
    expect(made).toMatchObject({ run: '/run', modules: ['acme/my-redis'] });
    expect(made.services.map(({ unit }) => unit)).toEqual(['redis-server.service']);
    expect(made.services[0]?.text).toContain('RootDirectory=/var/lib/gantry/generations/2\n');
    expect(made.services[0]?.text).toContain('LimitNOFILE=65535\n');
  });

  it('orders by the names on the machine', async () => {
    const web = service({ unit: 'gantry-web:web.service', module: 'web', managed: 'generated' });
    const both = [service(), { ...web, aliases: [], after: ['redis-server.service'] }];
    const order = async (isBooted: boolean) => (await record(isBooted, both)).services[1]?.after;
    expect(await order(false)).toEqual(['gantry-my-redis:redis-server.service']);
    expect(await order(true)).toEqual(['redis-server.service']);
  });

  it('leaves out what no manifest declares, which the init of a booted root starts', async () => {
    expect((await record(true, [service({ managed: 'package' })])).services).toEqual([]);
  });
});
