/** The error codes of building modules, as `errors` of error-codes.ts has them. */
export const buildErrors = {
  package_build_unsupported: [
    422,
    'The options leave nothing to build, or the manifest has packages where none may be.',
  ],
  package_not_found: [
    422,
    'The archive has no such package or version, or only a virtual package with several providers. The error names what is near.',
  ],
  packages_conflict: [
    422,
    'The packages cannot be installed together, or with those of the required modules.',
  ],
  platform_unknown: [422, 'No platform of this name is known, and no suite and mirror are given.'],
  required_module_missing: [
    422,
    'A required module is neither in a sibling directory nor given by --require.',
  ],
  build_privileges: [
    412,
    'Building packages needs root, or a user with ranges in /etc/subuid and /etc/subgid.',
  ],
  suite_unreachable: [502, 'A mirror does not respond, or has no such suite.'],
  archive_signature_invalid: [
    422,
    'The index of an archive is not signed by a key of the keyring, or the signature expired.',
  ],
  package_digest_mismatch: [
    422,
    'A downloaded package has another size or SHA-256 than the lock file or the index states.',
  ],
  disk_full: [507, 'The disk of a build, of the cache or of a machine has no room.'],
  script_failed: [
    422,
    'A maintainer script of a package failed. The error has the last lines that it printed.',
  ],
  build_failed: [500, 'mmdebstrap or apt failed in another way. The error has its last lines.'],
  lock_stale: [
    409,
    'The lock file does not fit the manifest, the required modules or the platform, or an archive no longer has a locked package.',
  ],
  lock_invalid: [422, 'module.lock.json cannot be read. Make it again with --update-lock.'],
  ids_invalid: [422, 'ids.yaml cannot be read, or gives one id to two names.'],
  attributes_invalid: [
    422,
    'rootfs.attrs has a line of another form, or names a path that is not shipped.',
  ],
  file_protected: [
    409,
    'A package ships a file that a required module protects. Leave it out by a mask.',
  ],
} as const;
