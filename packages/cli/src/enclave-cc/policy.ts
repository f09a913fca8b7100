import type { JsonObject } from '@assay/bytes';
import { mayDebug } from '@assay/evidence/sgx';
import { attestationPolicy, RESOURCE_POLICY, referenceValueMessage, referenceValuesOf } from '@assay/guest/enclave-cc';
import { adminClient } from '../client/server.js';
import { type CommonFlags, outputOf, type ServerCommandFlags } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';
import { authenticBuilds } from './measure.js';

export interface PolicyFlags extends CommonFlags {
  readonly emulated?: boolean;
}

/** `assay enclave-cc policy attestation|resource`: Rego on standard output. */
export function printPolicy(which: string, flags: PolicyFlags): void {
  const policies = { attestation: attestationPolicy({ emulated: flags.emulated === true }), resource: RESOURCE_POLICY };
  if (!Object.hasOwn(policies, which)) throw new CliError(`${which}: there are attestation, resource`, EXIT.usage);
  const text = policies[which as keyof typeof policies];
  outputOf(flags).result({ policy: which, text }, (out) => out.write(text));
}

export interface ReferenceValueFlags extends ServerCommandFlags {
  readonly sigstruct?: readonly string[];
  readonly message?: boolean;
  readonly register?: boolean;
}

/** `assay enclave-cc reference-values`: what builds sign, by the names that the policy asks for. */
export async function printReferenceValues(flags: ReferenceValueFlags): Promise<void> {
  const builds = authenticBuilds(flags.sigstruct ?? []);
  const output = outputOf(flags);
  if (builds.some(mayDebug))
    output.note(
      'a build may be launched in debug; evidence of such a launch is refused, unless `sgx.debug_allowed` is set',
    );
  const values = referenceValuesOf(builds);
  if (flags.register === true) await register(values, flags);
  if (flags.message === true) {
    const message = referenceValueMessage(values);
    output.result(message, (out) => out.write(`${JSON.stringify(message)}\n`));
    return;
  }
  output.result({ reference_values: values, registered: flags.register === true }, (out) => {
    for (const [name, value] of Object.entries(values)) {
      const set = flags.register === true ? `${styled(out, 'green', 'set')} ` : '';
      out.write(`${set}${name} = ${JSON.stringify(value)}\n`);
    }
  });
}

async function register(values: JsonObject, flags: ReferenceValueFlags): Promise<void> {
  const client = adminClient(flags);
  for (const [name, value] of Object.entries(values))
    await client.json('PUT', `/api/v1/reference-values/${encodeURIComponent(name)}`, { value, reason: 'SIGSTRUCT' });
}
