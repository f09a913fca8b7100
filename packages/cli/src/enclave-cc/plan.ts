import { randomBytes } from 'node:crypto';
import { isJsonObject, type JsonObject } from '@assay/bytes';
import {
  AnnotationError,
  containerTypeOf,
  installStepInWords,
  PACKAGED_SHIM_CONFIG,
  planContainer,
  planContainerCleanup,
  planInstall,
  planPull,
  planSandbox,
  planSandboxCall,
  planSandboxCleanup,
  planUninstall,
  RESET_PLAN,
  type ShimConfig,
  type Step,
  stepInWords,
} from '@assay/guest/enclave-cc';
import { StatusError } from '@assay/ttrpc';
import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readJsonFile } from '../files.js';
import { shimOf } from './render.js';

export interface PlanFlags extends CommonFlags {
  readonly shimConfig?: string;
}

export interface CreateFlags extends PlanFlags {
  readonly id: string;
  readonly bundle: string;
  readonly agentId?: string;
}

/** `assay enclave-cc plan create SPEC`: what the shim does for one container of a pod. */
export function planCreate(file: string, flags: CreateFlags): void {
  const config = configOf(flags);
  const value = readJsonFile(file);
  if (!isJsonObject(value)) throw new CliError(`${file}: no OCI specification`, EXIT.malformed);
  const { id, bundle } = flags;
  const made = planning(() =>
    containerTypeOf(value) === 'sandbox'
      ? planSandbox({ spec: value, id, bundle }, config, (length) => fixedOrRandom(flags.agentId, length))
      : planContainer({ spec: value, id, bundle, agentId: agentIdOf(flags) }, config),
  );
  if ('agentId' in made) {
    show(made.steps, flags, config, { agent_id: made.agentId ?? null });
    return;
  }
  const output = outputOf(flags);
  const told = made.findings.filter(({ outcome }) => outcome !== 'pass');
  for (const { title, remedy } of told) output.note(`${title ?? ''}${remedy === undefined ? '' : `; ${remedy}`}`);
  show(made.steps, flags, config, {
    spec: made.spec,
    doubts: told.map(({ id, title }) => ({ id, title: title ?? '' })),
  });
}

/** `assay enclave-cc plan start|kill|delete|cleanup|pull`. */
export function planCall(
  call: string,
  subject: string,
  flags: PlanFlags & { agentId?: string; bundle?: string },
): void {
  const config = configOf(flags);
  const { agentId, bundle } = flags;
  const steps = planning((): readonly Step[] => {
    switch (call) {
      case 'start':
      case 'kill':
      case 'delete':
        return planSandboxCall(call, subject, agentId);
      case 'pull':
        return planPull(subject, agentIdOf(flags), config);
      case 'cleanup':
        if (bundle === undefined) throw new CliError('--bundle is due', EXIT.usage);
        return agentId === undefined
          ? planContainerCleanup({ id: subject, bundle })
          : planSandboxCleanup({ id: subject, bundle }, agentId, config);
      default:
        throw new CliError(`${call}: there are start, kill, delete, cleanup, pull`, EXIT.usage);
    }
  });
  show(steps, flags, config, {});
}

/** `assay enclave-cc plan install|uninstall|reset`. */
export function planInstallation(which: string, flags: PlanFlags): void {
  const config = configOf(flags);
  const plans = { install: planInstall(config), uninstall: planUninstall(config), reset: RESET_PLAN } as const;
  if (!Object.hasOwn(plans, which)) throw new CliError(`${which}: there are install, uninstall, reset`, EXIT.usage);
  const steps = plans[which as keyof typeof plans];
  outputOf(flags).result({ steps }, (out) => {
    for (const step of steps) out.write(`${installStepInWords(step)}\n`);
  });
}

function show(steps: readonly Step[], flags: CommonFlags, config: ShimConfig, extra: JsonObject): void {
  outputOf(flags).result({ ...extra, steps }, (out) => {
    for (const step of steps) out.write(`${stepInWords(step, config.runtimeClass)}\n`);
  });
}

function configOf({ shimConfig }: PlanFlags): ShimConfig {
  return shimConfig === undefined ? PACKAGED_SHIM_CONFIG : shimOf(shimConfig);
}

function agentIdOf({ agentId }: { readonly agentId?: string }): string {
  if (agentId === undefined)
    throw new CliError('--agent-id is due: it stands in `agent-id` of the sandbox’s bundle', EXIT.usage);
  return agentId;
}

function fixedOrRandom(agentId: string | undefined, length: number): Uint8Array {
  if (agentId === undefined) return randomBytes(length);
  if (!/^[0-9a-f]{64}$/.test(agentId)) throw new CliError('--agent-id: 64 hex digits are due', EXIT.usage);
  return Buffer.from(agentId, 'hex');
}

function planning<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const isInput = error instanceof AnnotationError || error instanceof RangeError || error instanceof StatusError;
    if (isInput) throw new CliError(error.message, EXIT.malformed, { cause: error });
    throw error;
  }
}
