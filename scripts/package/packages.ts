import type { DebianPackage, Files } from './debian.ts';
import type { Architecture, Runtime } from './runtime.ts';

/** What the packages are made of. */
export interface Made {
  /** The bundled command line: `cli/main.mjs` and its parts. */
  bundle: string;
  /** The licences of what a package contains. */
  licences: string;
  sbom: string;
}

/** What commands read besides their code, at the places where they look for it. */
export const dataFiles: readonly string[] = [
  'examples/extension',
  'examples/module-template',
  'shared/extension/extension-manifest.schema.json',
  'shared/manifest/module-manifest.schema.json',
];

/** The command line with its runtime. The agent is a command of it, so it needs no second one. */
export function cliPackage(
  architecture: Architecture,
  made: Made,
  runtime: Runtime,
): DebianPackage {
  const library = 'usr/lib/gantry';
  const data = dataFiles.map((path) => [path, `${library}/${path}`]);
  return {
    name: 'gantry',
    architecture,
    summary: 'delivers signed modules from OCI registries to running machines',
    description:
      'The command line of Gantry, for authors, reviewers and operators, with its own Node.js.',
    relations: {
      Depends: 'ca-certificates, libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9)',
      Suggests: 'mmdebstrap, bash-completion',
    },
    files: {
      'packaging/gantry/launcher': 'usr/bin/gantry',
      'packaging/gantry/launch.sh': `${library}/launch.sh`,
      [runtime.program]: `${library}/node`,
      [`${made.bundle}/cli`]: `${library}/cli`,
      ...(Object.fromEntries(data) as Files),
      [made.licences]: 'usr/share/doc/gantry/copyright',
      [made.sbom]: 'usr/share/doc/gantry/sbom.cdx.json',
    },
  };
}

const agentUnits = ['gantry-agent.service', 'gantry-agent.timer', 'gantry-agent-boot.service'];

/** The agent: what starts it. Its program is in the package `gantry`. */
export function agentPackage(version: string): DebianPackage {
  const scripts = ['postinst', 'prerm', 'postrm'].map((name) => [
    `packaging/gantry-agent/${name}`,
    `DEBIAN/${name}`,
  ]);
  const units = agentUnits.map((name) => [
    `packaging/gantry-agent/${name}`,
    `usr/lib/systemd/system/${name}`,
  ]);
  return {
    name: 'gantry-agent',
    architecture: 'all',
    summary: 'keeps this machine in the state that Gantry signed for it',
    description:
      'Looks at the desired state each minute, verifies all of it, and applies what changed.',
    relations: {
      // Services run as users that only their root has: libnss-systemd names them to systemd.
      Depends: `gantry (= ${version}), systemd, libnss-systemd, init-system-helpers`,
      // The extended attributes of modules.
      Recommends: 'attr, dbus',
    },
    files: {
      ...(Object.fromEntries([...units, ...scripts]) as Files),
      'packaging/initramfs/gantry-mount-root': 'usr/lib/gantry/gantry-mount-root',
      'packaging/initramfs/hook': 'usr/share/initramfs-tools/hooks/gantry',
      'packaging/initramfs/local-bottom': 'usr/share/initramfs-tools/scripts/local-bottom/gantry',
      'docs/guides/install.md': 'usr/share/doc/gantry-agent/install.md',
      LICENSE: 'usr/share/doc/gantry-agent/copyright',
    },
  };
}
