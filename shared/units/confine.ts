import { isIP } from 'node:net';
import { compareBytes } from '../domain/files/index.ts';
import type { ManifestSecurity, ManifestService } from '../domain/modules/index.ts';
import { type Place, serviceInvalidError } from './quote.ts';

/** What a unit of a module may do, as lines of [Service], and what no line can say. */
export interface Confinement {
  lines: string[];
  warnings: string[];
}

/**
 * The rights of a service: exactly the capabilities that the module and the service list, its
 * profiles, and the addresses that it may reach. A privileged module has every right.
 *
 * @param whole whether the unit is Gantry's own. The unit of a package, and a `unit_body`, keep
 * their own capabilities unless the manifest lists some.
 * @throws GantryError `service_invalid`
 */
export function confine(
  security: ManifestSecurity,
  service: ManifestService,
  { whole, place }: { whole: boolean; place: Place },
): Confinement {
  const { lines: egress, warnings } = limitEgress(security, service, place);
  const namespaces = security.user_namespace === true ? ['PrivateUsers=yes'] : [];
  if (security.privileged === true) return { lines: [...namespaces, ...egress], warnings };

  return {
    lines: [
      ...limitCapabilities(security, service, whole),
      ...namespaces,
      ...loadProfiles(security, place),
      ...egress,
    ],
    warnings,
  };
}

function limitCapabilities(
  security: ManifestSecurity,
  { capabilities, user }: ManifestService,
  whole: boolean,
): string[] {
  if (!whole && security.capabilities === undefined && capabilities === undefined) return [];
  const all = [...new Set([...(security.capabilities ?? []), ...(capabilities ?? [])])]
    .sort(compareBytes)
    .join(' ');

  // The empty value comes first: it takes back what the unit itself lists.
  const bounding = [
    'CapabilityBoundingSet=',
    ...(all === '' ? [] : [`CapabilityBoundingSet=${all}`]),
  ];
  // Another user than root has a capability only if it is inherited.
  const isPlainUser = user !== undefined && user !== 'root' && all !== '';
  return isPlainUser ? [...bounding, `AmbientCapabilities=${all}`] : bounding;
}

function loadProfiles(security: ManifestSecurity, place: Place): string[] {
  const { apparmor_profile, selinux_profile, seccomp_profile } = security;
  return [
    ...(isNone(apparmor_profile)
      ? []
      : [`AppArmorProfile=${profileName(apparmor_profile, 'apparmor_profile', place)}`]),
    ...(isNone(selinux_profile)
      ? []
      : [`SELinuxContext=${selinuxContext(selinux_profile, place)}`]),
    ...(isNone(seccomp_profile) ? [] : [`SystemCallFilter=${callFilter(seccomp_profile, place)}`]),
  ];
}

function isNone(profile: string | null | undefined): profile is null | undefined | '' {
  return profile === undefined || profile === null || profile === '' || profile === 'unconfined';
}

function profileName(profile: string, key: string, place: Place): string {
  if (/^[A-Za-z0-9/][A-Za-z0-9._/+-]*$/.test(profile)) return profile;
  throw serviceInvalidError(
    `expected security.${key} of ${place} to be the name of a profile, found ${JSON.stringify(profile)}`,
  );
}

/** A type alone is completed to the context that Debian's and Fedora's policies give daemons. */
function selinuxContext(profile: string, place: Place): string {
  if (/^[A-Za-z0-9_]+_t$/.test(profile)) return `system_u:system_r:${profile}:s0`;
  if (/^(?:[A-Za-z0-9_]+:){3}[A-Za-z0-9_.,:-]+$/.test(profile)) return profile;
  throw serviceInvalidError(
    `expected security.selinux_profile of ${place} to be a type such as httpd_t or a whole context, found ${JSON.stringify(profile)}`,
  );
}

function callFilter(profile: string, place: Place): string {
  if (profile === 'default' || profile === 'runtime/default') return '@system-service';
  if (/^~?@?[a-z0-9_-]+(?: @?[a-z0-9_-]+)*$/.test(profile)) return profile;
  throw serviceInvalidError(
    `expected security.seccomp_profile of ${place} to be "default", or system calls and groups of systemd such as "@system-service", found ${JSON.stringify(profile)}`,
  );
}

/**
 * Limits what the service may connect to. systemd's filter knows addresses alone, and it drops what
 * comes in as well as what goes out. So it suits only a service that nobody connects to, whose
 * places are all addresses.
 */
function limitEgress(
  { egress_allow }: ManifestSecurity,
  { exposed_ports = [] }: ManifestService,
  place: Place,
): Confinement {
  if (egress_allow === undefined) return { lines: [], warnings: [] };
  const places = egress_allow.map(networkOf);
  const named = egress_allow.filter((_, index) => places[index] === null);

  if (exposed_ports.length > 0 || named.length > 0) {
    const why =
      named.length > 0
        ? `${named.join(', ')} is no address`
        : 'it exposes ports, and the filter of systemd would also drop who connects to them';
    return {
      lines: [],
      warnings: [`egress_allow does not limit ${place}: ${why}. Limit it in the network`],
    };
  }

  const networks = [...new Set(places as string[])].sort(compareBytes);
  const withPort = egress_allow.filter((text, index) => text !== places[index]);
  return {
    lines: ['IPAddressDeny=any', `IPAddressAllow=${['localhost', ...networks].join(' ')}`],
    warnings:
      withPort.length === 0
        ? []
        : [
            `egress_allow opens every port of ${withPort.join(', ')} to ${place}, because the filter of systemd knows no ports. Limit them in the network`,
          ],
  };
}

/** `10.0.0.0/8`, `10.1.2.3:443`, `[2001:db8::1]:443` → its network; null for a name. */
function networkOf(text: string): string | null {
  const [, six, rest] = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::\d+)?$/.exec(text) ?? [];
  const candidate = isIP(text.split('/')[0] ?? '') > 0 ? text : (six ?? rest ?? '');
  const [address = '', length, ...more] = candidate.split('/');
  const version = isIP(address);
  const isLength =
    length === undefined ||
    (/^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128));

  return version > 0 && more.length === 0 && isLength ? candidate : null;
}
