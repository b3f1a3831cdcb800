/** The error codes of the command line, as `errors` of error-codes.ts has them. */
export const commandErrors = {
  usage: [400, 'The command line is not valid.'],
  io_error: [500, 'A file or stream cannot be read or written.'],
  port_taken: [409, 'The requested port is in use.'],
  prerequisite_missing: [412, 'The machine lacks a required program or permission.'],
  key_password_wrong: [422, 'The password does not open the private key.'],

  // signing without a key
  identity_missing: [
    401,
    'There is no identity to sign with: no token of a CI job, none given, and no terminal to sign in.',
  ],
  identity_token_invalid: [
    401,
    'The identity token cannot be read, or the issuer of the CI job gave none.',
  ],
  identity_token_expired: [401, 'The identity token is no longer valid. Request a new one.'],
  identity_token_audience: [401, 'The identity token is for another audience (client id).'],
  sign_in_failed: [401, 'Nobody signed in at the issuer, or the issuer refused it.'],
  certificate_refused: [
    422,
    'The certificate authority (Fulcio) gives no certificate for the identity token.',
  ],
  signing_config_invalid: [
    422,
    'The file is not a Sigstore signing_config.json, or names no usable service.',
  ],
  signing_service_unreachable: [
    502,
    'A service that signatures need does not respond. The message names it.',
  ],
  signing_service_error: [
    502,
    'A service that signatures need returned an error. The message names it.',
  ],
  build_mismatch: [
    422,
    'The files of the build describe another module.tar than the artifact holds.',
  ],
} as const;
