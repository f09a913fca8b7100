import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { encodeBase64, encodeBase64url } from '@assay/bytes';
import { parseResourceUri } from '@assay/protocol';
import { type Command, Command as CommanderCommand, Option } from 'commander';
import { asCliError, createKbc, httpTransport, keyPairFromFile } from '../client/broker.js';
import { configHome, readCredentials } from '../client/config-home.js';
import { call } from '../client/http.js';
import { readCa } from '../client/server.js';
import { CliError, EXIT } from '../exit.js';
import { referenceValueOf } from './rv.js';

/**
 * `assay kbs-client`: sub-commands, flags, output and request bodies of confidential-containers/trustee's `kbs-client`,
 * so that its scripts go on working. The one addition: without any admin token file it uses the token of `assay login`.
 */
export function kbsClientCommand(): Command {
  const root = new CommanderCommand('kbs-client')
    .description('the upstream kbs-client’s sub-commands and flags, unchanged')
    .option('--url <url>', 'key broker', 'http://127.0.0.1:8080')
    .option('--cert-file <pem>', 'root certificate to believe')
    .addHelpText(
      'after',
      '\nExamples:\n  $ assay kbs-client --url http://127.0.0.1:8080 get-resource --path default/key/1\n  $ assay kbs-client config --admin-token-file admin-token set-resource --path default/key/1 --resource-file key.bin',
    );
  root.addCommand(attest(root));
  root.addCommand(getResource(root));
  root.addCommand(config(root));
  return root;
}

interface GlobalFlags {
  readonly url: string;
  readonly certFile?: string;
}

function sub(name: string, summary: string, examples: readonly [string, string]): CommanderCommand {
  return new CommanderCommand(name)
    .description(summary)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ assay kbs-client ${example}`).join('\n')}`);
}

function attest(root: Command): Command {
  return sub('attest', 'attest, and print the token', ['attest', 'attest --tee-key-file tee.pem'])
    .option('--tee-key-file <pem>', 'TEE key')
    .argument('[init-data]', 'init-data document, as text')
    .action(async (initData: string | undefined, flags: { teeKeyFile?: string }) => {
      const token = await guest(root, flags.teeKeyFile, initData).attest().catch(rethrow);
      process.stdout.write(`${token}\n`);
    });
}

function getResource(root: Command): Command {
  return sub('get-resource', 'get a secret, and print it in base64', [
    'get-resource --path default/key/1',
    'get-resource --path default/key/1 --tee-key-file tee.pem --attestation-token token',
  ])
    .requiredOption('--path <path>', 'repository/type/tag')
    .option('--tee-key-file <pem>', 'TEE key')
    .option('--attestation-token <file>', 'use this token instead of attesting')
    .argument('[init-data]', 'init-data document, as text')
    .action(
      async (initData: string | undefined, flags: { path: string; teeKeyFile?: string; attestationToken?: string }) => {
        if (flags.attestationToken !== undefined && flags.teeKeyFile === undefined) {
          throw new CliError('--attestation-token needs the --tee-key-file that the token was got with', EXIT.usage);
        }
        const token =
          flags.attestationToken === undefined ? undefined : readFileSync(flags.attestationToken, 'utf8').trim();
        const secret = await guest(root, flags.teeKeyFile, initData, token)
          .getResource(parseResourceUri(flags.path))
          .catch(rethrow);
        process.stdout.write(`${encodeBase64(secret)}\n`);
      },
    );
}

function guest(root: Command, keyFile: string | undefined, initData: string | undefined, token?: string) {
  const { url, certFile } = root.opts<GlobalFlags>();
  return createKbc({
    transport: httpTransport(url, caOf(url, certFile), 'kbs-client/0.1.0'),
    ...(keyFile === undefined ? {} : { keyPair: keyPairFromFile(keyFile) }),
    ...(initData === undefined ? {} : { initDataToml: initData }),
    ...(token === undefined ? {} : { token }),
  });
}

function config(root: Command): Command {
  const parent = sub('config', 'administer the key broker', [
    'config set-resource --path default/key/1 --resource-file key.bin',
    'config set-resource-policy --affirming',
  ]).option('--admin-token-file <file>', 'file with the admin token');
  const admin = adminOf(root, parent);
  parent.addCommand(setAttestationPolicy(admin));
  parent.addCommand(setResourcePolicy(admin));
  parent.addCommand(setResource(admin));
  parent.addCommand(deleteResource(admin));
  parent.addCommand(getReferenceValue(admin));
  parent.addCommand(setSampleReferenceValue(admin));
  return parent;
}

type Admin = (
  method: string,
  path: string,
  body?: { readonly type: string; readonly bytes: Uint8Array | string },
) => Promise<string>;

function setAttestationPolicy(admin: Admin): Command {
  return sub('set-attestation-policy', 'set an attestation policy', [
    'config set-attestation-policy --policy-file cpu.rego',
    'config set-attestation-policy --type rego --id default_gpu --policy-file gpu.rego',
  ])
    .option('--type <type>', 'kind of policy', 'rego')
    .option('--id <id>', 'policy id', 'default_cpu')
    .requiredOption('--policy-file <file>', 'Rego file')
    .action(async (flags: { type: string; id: string; policyFile: string }) => {
      const policy = readFileSync(flags.policyFile);
      await admin(
        'POST',
        '/kbs/v0/attestation-policy',
        jsonBody({ type: flags.type, policy_id: flags.id, policy: encodeBase64url(policy) }),
      );
      process.stdout.write(`Set attestation policy success \n policy: ${encodeBase64(policy)}\n`);
    });
}

function setResourcePolicy(admin: Admin): Command {
  return sub('set-resource-policy', 'set the resource policy', [
    'config set-resource-policy --policy-file release.rego',
    'config set-resource-policy --affirming',
  ])
    .addOption(
      new Option('--policy-file <file>', 'Rego file').conflicts(['allowAll', 'denyAll', 'affirming', 'default']),
    )
    .addOption(
      new Option('--allow-all', 'release to everybody who holds a token').conflicts([
        'denyAll',
        'affirming',
        'default',
      ]),
    )
    .addOption(new Option('--deny-all', 'release to nobody').conflicts(['affirming', 'default']))
    .addOption(new Option('--affirming', 'release where every submodule is affirming').conflicts(['default']))
    .option('--default', 'the policy of a new server')
    .action(
      async (flags: {
        policyFile?: string;
        allowAll?: boolean;
        denyAll?: boolean;
        affirming?: boolean;
        default?: boolean;
      }) => {
        const policy = await resourcePolicyText(flags);
        await admin('POST', '/kbs/v0/resource-policy', jsonBody({ policy: encodeBase64url(policy) }));
        process.stdout.write(`Set resource policy success \n policy: ${encodeBase64(policy)}\n`);
      },
    );
}

async function resourcePolicyText(flags: {
  readonly policyFile?: string;
  readonly allowAll?: boolean;
  readonly denyAll?: boolean;
  readonly affirming?: boolean;
  readonly default?: boolean;
}): Promise<Uint8Array> {
  if (flags.policyFile !== undefined) return readFileSync(flags.policyFile);
  const { POLICY_TEXTS } = await import('@assay/kbs');
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  if (flags.allowAll) return encode(POLICY_TEXTS.allow_all);
  if (flags.denyAll) return encode(POLICY_TEXTS.deny_all);
  if (flags.affirming) return encode(POLICY_TEXTS.affirming);
  if (flags.default) return encode(POLICY_TEXTS.default);
  throw new CliError('one of --policy-file, --allow-all, --deny-all, --affirming, --default is needed', EXIT.usage);
}

function setResource(admin: Admin): Command {
  return sub('set-resource', 'store a secret', [
    'config set-resource --path default/key/1 --resource-file key.bin',
    'config --admin-token-file token set-resource --path default/cert/ca --resource-file ca.pem',
  ])
    .requiredOption('--path <path>', 'repository/type/tag')
    .requiredOption('--resource-file <file>', 'file with the secret')
    .action(async (flags: { path: string; resourceFile: string }) => {
      const bytes = readFileSync(flags.resourceFile);
      await admin('POST', `/kbs/v0/resource/${resourcePath(flags.path)}`, { type: 'application/octet-stream', bytes });
      // Upstream prints the secret in base64 here; a terminal and its log are no place for it.
      process.stdout.write('Set resource success\n');
    });
}

function deleteResource(admin: Admin): Command {
  return sub('delete-resource', 'delete a secret', [
    'config delete-resource --path default/key/1',
    'config --admin-token-file token delete-resource --path default/key/1',
  ])
    .requiredOption('--path <path>', 'repository/type/tag')
    .action(async (flags: { path: string }) => {
      await admin('DELETE', `/kbs/v0/resource/${resourcePath(flags.path)}`);
      process.stdout.write('Delete resource success\n');
    });
}

function getReferenceValue(admin: Admin): Command {
  return sub('get-reference-value', 'print a reference value', [
    'config get-reference-value --id svn',
    'config get-reference-value --id launch_digest',
  ])
    .requiredOption('--id <id>', 'name of the reference value')
    .action(async (flags: { id: string }) => {
      const value = await admin(
        'GET',
        `/kbs/v0/reference-value/${flags.id.split('/').map(encodeURIComponent).join('/')}`,
      );
      process.stdout.write(`${JSON.stringify(value)}\n`);
    });
}

function setSampleReferenceValue(admin: Admin): Command {
  return sub('set-sample-reference-value', 'set a reference value', [
    'config set-sample-reference-value svn 1',
    'config set-sample-reference-value major_version 1 --as-integer --as-single-value',
  ])
    .argument('<name>')
    .argument('<value>')
    .option('--as-integer', 'the value is an integer')
    .option('--as-bool', 'the value is true or false')
    .option('--as-single-value', 'store the value itself, not a list of it')
    .action(
      async (
        name: string,
        value: string,
        flags: { asInteger?: boolean; asBool?: boolean; asSingleValue?: boolean },
      ) => {
        const payload = JSON.stringify({ [name]: referenceValueOf([value], flags) });
        const message = { version: '0.1.0', type: 'sample', payload: encodeBase64(new TextEncoder().encode(payload)) };
        await admin('POST', '/kbs/v0/reference-value', jsonBody(message));
        process.stdout.write('Reference Values Updated\n');
      },
    );
}

function adminOf(root: Command, parent: Command): Admin {
  return async (method, path, body) => {
    const { url, certFile } = root.opts<GlobalFlags>();
    const token = adminToken(url, parent.opts<{ adminTokenFile?: string }>().adminTokenFile);
    const ca = caOf(url, certFile);
    const answer = await call({
      method,
      url: `${url.replace(/\/+$/, '')}${path}`,
      headers: {
        'user-agent': 'kbs-client/0.1.0',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      ...(body === undefined ? {} : { body: body.bytes }),
      ...(ca === undefined ? {} : { ca }),
    });
    const text = answer.body.toString('utf8');
    if (answer.status !== 200) throw new CliError(`Request Failed, Response: ${JSON.stringify(text)}`, EXIT.refused);
    return text;
  };
}

/** Upstream's order: flag, compose file, home; then what `assay login` remembers; then nothing. */
function adminToken(url: string, file: string | undefined): string | undefined {
  const places = [join('kbs', 'config', 'docker-compose', 'admin-token'), join(homedir(), '.trustee', 'admin-token')];
  const found = file ?? places.find((place) => existsSync(place));
  if (found !== undefined) return readFileSync(found, 'utf8').trim();
  return process.env['ASSAY_TOKEN'] ?? readCredentials(configHome()).servers[url.replace(/\/+$/, '')]?.token;
}

function caOf(url: string, certFile: string | undefined): string | undefined {
  return certFile === undefined ? readCredentials(configHome()).servers[url.replace(/\/+$/, '')]?.ca : readCa(certFile);
}

function resourcePath(path: string): string {
  return parseResourceUri(path).segments.map(encodeURIComponent).join('/');
}

function jsonBody(value: unknown): { readonly type: string; readonly bytes: string } {
  return { type: 'application/json', bytes: JSON.stringify(value) };
}

function rethrow(error: unknown): never {
  throw asCliError(error);
}
