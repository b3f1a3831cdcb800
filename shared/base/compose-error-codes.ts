/** The error codes of composing, as `errors` of error-codes.ts has them. */
export const composeErrors = {
  composition_protected_conflict: [409, 'Two modules protect the same path.'],
  composition_type_conflict: [409, 'One module ships a directory where another ships a file.'],
  capability_conflict: [409, 'Two modules provide the same *.port:* capability.'],
  composition_unsatisfied: [
    409,
    'No set of versions satisfies all requirements. The message names the requirement chain.',
  ],
  composition_ambiguous: [
    409,
    'Several modules provide a required capability, and none of them is assigned. The message names them.',
  ],
  composition_cycle: [409, 'Modules require each other in a cycle. The message names it.'],
  composition_too_complex: [
    409,
    'The resolver reached its step limit before the requirements resolved.',
  ],
  composition_unapproved: [422, 'No operation let a privilege of its modules through.'],
  composition_too_large: [422, 'The layers hold more than a composition or preview can have.'],
  composition_kind_mismatch: [
    409,
    'The version is a platform module, which cannot run on machines.',
  ],
  user_conflict: [
    409,
    'Two modules, or a module and the base, give one id to different users or groups, or one name different ids.',
  ],
  service_conflict: [409, 'A service would be started twice. The message names both starters.'],
  service_cycle: [409, 'Services wait for each other in a cycle. The message names it.'],
  service_invalid: [422, 'A systemd unit cannot say what the manifest declares of a service.'],
  sudo_invalid: [422, 'visudo would refuse an entry of `sudoers`.'],
  generated_path_conflict: [409, 'A module ships a path that Gantry makes from manifests.'],
  change_too_wide: [
    422,
    'The changes affect more templates, or need more writes, than one operation can have.',
  ],
  composition_platform_mismatch: [409, 'The module has no build for the platform of the template.'],
  instance_metadata_missing: [
    422,
    'An instance module uses metadata that the instance does not have.',
  ],
  instance_entry_unsupported: [
    422,
    'An instance module ships an entry that is not a regular file.',
  ],
} as const;
