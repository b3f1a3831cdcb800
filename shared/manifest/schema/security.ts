import { z } from 'zod';
import { linuxCapability } from './services.ts';

const profile = z.string().nullable().exactOptional();

/** What the module's processes may do. */
export const security = z.strictObject({
  capabilities: z.array(linuxCapability).exactOptional(),
  selinux_profile: profile,
  apparmor_profile: profile,
  seccomp_profile: profile,
  egress_allow: z
    .array(z.string())
    .exactOptional()
    .describe('host:port, host or a network: the only places that the module may connect to.'),
  privileged: z.boolean().exactOptional(),
  user_namespace: z.boolean().exactOptional(),
});
