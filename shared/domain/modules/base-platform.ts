/** Where the packages of a platform come from. */
export interface BasePlatform {
  /** Debian's name of the architecture. */
  architecture: string;
  /** Of package URLs: `debian`, `ubuntu`. */
  vendor: string;
  suite: string;
  /** Archives in the order of preference, each with its suite. */
  archives: readonly { mirror: string; suite: string }[];
  components: readonly string[];
  /** File with the keys that sign the archives, as Debian's keyring packages install it. */
  keyring: string;
}

const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const ubuntuKeyring = '/usr/share/keyrings/ubuntu-archive-keyring.gpg';

/** The distributions that every account has, by the first part of a platform's name. */
const distributions = {
  'debian-12': debian('bookworm'),
  'debian-13': debian('trixie'),
  'ubuntu-22.04': ubuntu('jammy'),
  'ubuntu-24.04': ubuntu('noble'),
} as const;

const architectures = ['amd64', 'arm64'] as const;

type Distribution = (architecture: (typeof architectures)[number]) => BasePlatform;

function debian(suite: string): Distribution {
  const mirror = 'http://deb.debian.org/debian';
  return (architecture) => ({
    architecture,
    vendor: 'debian',
    suite,
    archives: [
      { mirror, suite },
      { mirror, suite: `${suite}-updates` },
      { mirror: 'http://deb.debian.org/debian-security', suite: `${suite}-security` },
    ],
    // As Debian's own installer does: boards need firmware to boot.
    components: ['main', 'non-free-firmware'],
    keyring: debianKeyring,
  });
}

/** Ubuntu keeps the architectures that are not Intel's in another archive. */
function ubuntu(suite: string): Distribution {
  return (architecture) => {
    const isPorts = architecture !== 'amd64';
    const mirror = isPorts
      ? 'http://ports.ubuntu.com/ubuntu-ports'
      : 'http://archive.ubuntu.com/ubuntu';
    const security = isPorts ? mirror : 'http://security.ubuntu.com/ubuntu';

    return {
      architecture,
      vendor: 'ubuntu',
      suite,
      archives: [
        { mirror, suite },
        { mirror, suite: `${suite}-updates` },
        { mirror: security, suite: `${suite}-security` },
      ],
      components: ['main', 'universe'],
      keyring: ubuntuKeyring,
    };
  };
}

/** The platforms that every account has, by name: `debian-12-amd64`. */
export const basePlatforms: ReadonlyMap<string, BasePlatform> = new Map(
  Object.entries(distributions).flatMap(([name, make]) =>
    architectures.map((architecture) => [`${name}-${architecture}`, make(architecture)] as const),
  ),
);
