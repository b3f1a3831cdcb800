import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { trustAnswer } from '../../../shared/contract/accounts/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags, parseWholeNumber } from '../../command.ts';
import type { ExitMeanings } from '../../exit-codes.ts';
import { readOptionJson } from '../../input/option-files.ts';
import {
  makeKeyFiles,
  publicPem,
  readPrivateKey,
  readPublicHalf,
} from '../../input/private-key.ts';
import { formatFields, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type Trust = z.infer<typeof trustAnswer>;

interface ProposeFlags extends Flags {
  threshold?: number;
}

interface SignFlags extends Flags {
  key?: string;
  proposal?: string;
  signature?: string;
}

/** What the exit codes mean for a command that proposes or signs a root. */
const waiting: ExitMeanings = { 3: 'the proposed root waits for signatures' };

/** `gantry trust root …` */
export function register(trust: Command): void {
  const root = trust
    .command('root')
    .description('manage the account root, which says whose signatures the machines trust');
  describe(root.command('show').description('show the root in force and the proposed one'), {
    examples: ['gantry trust root show'],
    action: show,
  });

  describe(
    root
      .command('make-key <file>')
      .description(
        'create an offline key pair: <file>, encrypted with a password (COSIGN_PASSWORD), and <file>.pub',
      )
      .option('--ed25519', 'create an Ed25519 key instead of ECDSA P-256'),
    { examples: ['gantry trust root make-key root-alice.pem'], action: makeKey },
  );

  describe(
    threshold(root.command('add-key <file>').description('propose a root with an additional key')),
    {
      examples: ['gantry trust root add-key root-alice.pem.pub --threshold 2'],
      no: waiting,
      action: addKey,
    },
  );

  describe(
    threshold(
      root.command('remove-key <id>').description('propose a root without one of its keys'),
    ),
    {
      examples: [`gantry trust root remove-key ${'0123456789abcdef'.repeat(4)}`],
      no: waiting,
      action: (id: string, flags: ProposeFlags) => propose({ remove: [id] }, flags),
    },
  );

  const needs = root
    .command('threshold')
    .argument('<number>', 'number of signatures that a root needs', parseWholeNumber);
  describe(needs.description('propose a root that needs this many signatures'), {
    examples: ['gantry trust root threshold 2'],
    no: waiting,
    action: (number: number, flags: Flags) => propose({}, { ...flags, threshold: number }),
  });

  describe(
    threshold(
      root
        .command('rotate')
        .description('propose a root with a new director key, which signs desired states'),
    ),
    {
      examples: ['gantry trust root rotate'],
      no: waiting,
      action: (flags: ProposeFlags) => propose({ rotate: true }, flags),
    },
  );

  describe(
    root
      .command('sign')
      .description('sign the proposed root; the last signature puts it in force')
      .option('--key <file>', 'private key: PEM, ECDSA P-256 or Ed25519')
      .option(
        '--proposal <file>',
        'sign the saved output of "show --json" offline, and print the signature',
      )
      .option('--signature <file>', 'submit a signature made with --proposal'),
    { examples: ['gantry trust root sign --key root-alice.pem'], no: waiting, action: sign },
  );

  describe(root.command('withdraw').description('withdraw the proposed root'), {
    examples: ['gantry trust root withdraw'],
    action: withdraw,
  });
}

function threshold(command: Command): Command {
  return command.option(
    '--threshold <number>',
    'number of signatures that the new root needs',
    parseWholeNumber,
  );
}

async function show(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  printTrust(await client.get(responses.trust, '/trust/root'), flags);
  return 0;
}

async function makeKey(file: string, flags: Flags & { ed25519?: true }): Promise<ExitCode> {
  const { key, encrypted } = await makeKeyFiles(file, flags.ed25519 ? 'ed25519' : 'ecdsa');
  const { tufKey } = await import('../../../shared/director/index.ts');
  const key_id = tufKey(publicPem(key)).keyID;

  print(
    flags.json,
    { key_id, private_key: file, public_key: `${file}.pub`, encrypted },
    () => `created ${file}, key ${key_id}${encrypted ? '' : '; the file is not encrypted'}`,
  );

  return 0;
}

async function addKey(file: string, flags: ProposeFlags): Promise<ExitCode> {
  return propose({ add: [await readPublicHalf(file)] }, flags);
}

async function propose(
  change: { add?: string[]; remove?: string[]; rotate?: boolean },
  flags: ProposeFlags,
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const body = { ...change, threshold: flags.threshold };
  return printTrust(
    await client.send(responses.trust, 'POST', '/trust/root/proposal', body),
    flags,
  );
}

async function sign(flags: SignFlags): Promise<ExitCode> {
  if ((flags.key === undefined) === (flags.signature === undefined)) {
    throw new GantryError('usage', 'expected either --key or --signature');
  }

  if (flags.key !== undefined && flags.proposal !== undefined) {
    print(true, await signatureOf(await readTrust(flags.proposal), flags.key), () => '');
    return 0;
  }

  const { client, responses } = await connect();
  const body =
    flags.key === undefined
      ? await readOptionJson(flags.signature ?? '', '--signature')
      : await signatureOf(await client.get(responses.trust, '/trust/root'), flags.key);

  return printTrust(
    await client.send(responses.trust, 'POST', '/trust/root/proposal/signatures', body),
    flags,
  );
}

/** Reads the saved output of `show --json`. @throws GantryError `io_error` */
async function readTrust(path: string): Promise<Trust> {
  const { trustAnswer } = await import('../../../shared/contract/accounts/index.ts');
  const { data, error } = trustAnswer.safeParse(await readOptionJson(path, '--proposal'));
  if (data !== undefined) return data;

  const wrong = error.issues.map((issue) => issue.path.join('.') || 'the document').join(', ');
  throw new GantryError(
    'io_error',
    `expected the output of "gantry trust root show --json" in the file of --proposal, found a problem at: ${wrong}`,
    { field: '--proposal', cause: error },
  );
}

/**
 * Signs the metadata itself. Both roots are parsed and verified here, so the server cannot
 * misdescribe them.
 */
async function signatureOf({ root, proposal }: Trust, file: string) {
  if (proposal === null)
    throw new GantryError('not_found', 'expected a proposed root to sign, found none');

  const { describeRoot, parseRoot, signRootWith, verifyRoot } = await import(
    '../../../shared/director/index.ts'
  );
  const current = verifyRoot(Buffer.from(root.metadata, 'base64'), root.sha256);
  const proposed = parseRoot(Buffer.from(proposal.metadata, 'base64'));
  const key = await readPrivateKey(file, '--key');
  const { version, threshold, keys, director } = describeRoot(proposed);

  process.stderr.write(
    `signing root ${version}: needs ${threshold} of ${keys.length} keys, director key ${director.key_id.slice(0, 12)}\n`,
  );
  return signRootWith(proposed, current, key, publicPem(key));
}

async function withdraw(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', '/trust/root/proposal');
  print(flags.json, { withdrawn: true }, () => 'withdrew the proposed root');
  return 0;
}

/** Prints both roots. Returns 3 while one waits for signatures. */
function printTrust(response: Trust, flags: Flags): ExitCode {
  print(flags.json, response, () => {
    const { root, proposal } = response;
    const parts = [formatRoot('in force', root)];

    if (proposal !== null) {
      parts.push(formatRoot('proposed', proposal));
      const signed = proposal.needs.map(({ of, threshold, signed }) => {
        return `${signed.length} of ${threshold} signatures for the ${of} root`;
      });
      const unproven = proposal.unproven.map((id) => `\nThe new key ${id} must sign.`).join('');
      const how = 'To sign with a key: gantry trust root sign --key <file>';

      parts.push(`It has ${signed.join(', ')}.${unproven}\n${how}`);
    }

    return parts.join('\n\n');
  });
  return response.proposal === null ? 0 : 3;
}

function formatRoot(
  standing: string,
  root: Omit<Trust['root'], 'sha256'> & { sha256?: string },
): string {
  const head = formatFields([
    ['root', `${root.version}, ${standing}`],
    ...(root.sha256 === undefined ? [] : ([['sha256', root.sha256]] as [string, string][])),
    ['expires', root.expires_at],
    ['needs', `${root.threshold} of ${root.keys.length} signatures`],
  ]);

  const rows = root.keys.map(({ key_id, type }) => [
    key_id,
    type,
    key_id === root.director.key_id ? 'root, director' : 'root',
  ]);

  const director = root.keys.some(({ key_id }) => key_id === root.director.key_id)
    ? []
    : [[root.director.key_id, root.director.type, 'director']];
  return `${head}\n${table(['KEY', 'TYPE', 'SIGNS AS'], [...rows, ...director], 'The root has no keys.')}`;
}
