import { Command } from 'commander';
import { attesterFor } from './client/broker.js';
import { agentCommand } from './commands/agent.js';
import { auditCommand } from './commands/audit.js';
import { clientCommand } from './commands/client.js';
import { collateralCommand } from './commands/collateral.js';
import { completionCommand } from './commands/completion.js';
import { conformanceCommand } from './commands/conformance.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { emulateCommand } from './commands/emulate.js';
import { enclaveAgentCommand } from './commands/enclave-agent.js';
import { enclaveCcCommand } from './commands/enclave-cc.js';
import { imageCommand } from './commands/image.js';
import { kbsClientCommand } from './commands/kbs-client.js';
import { keyProviderCommand } from './commands/key-provider.js';
import { loginCommand } from './commands/login.js';
import { measureCommand } from './commands/measure.js';
import { policyCommand } from './commands/policy.js';
import { regoCommand } from './commands/rego.js';
import { rvCommand } from './commands/rv.js';
import { secretCommand } from './commands/secret.js';
import { configCommand, serveCommand } from './commands/serve.js';
import { sevCommand } from './commands/sev.js';
import { tpmCommand } from './commands/tpm.js';
import { verifyCommand } from './commands/verify.js';
import { VERSION } from './version.js';

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('assay')
    .description('remote attestation and key brokering for confidential containers')
    .version(VERSION)
    .showSuggestionAfterError()
    // `serve rvps --data-dir D` gives D to `rvps`; `serve` has an option of that name too.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  $ assay demo
  $ assay serve --insecure-http

Exit codes: 0 done or accepted, 1 refused by a check, 2 usage, 3 malformed input, 4 a peer or file could not be reached, 5 internal.
With --json a command prints one JSON document on standard output; diagnostics go to standard error. NO_COLOR and FORCE_COLOR are respected.`,
    );
  for (const command of [
    demoCommand(),
    serveCommand(),
    loginCommand(),
    policyCommand(),
    rvCommand(),
    secretCommand(),
    auditCommand(),
    clientCommand(),
    kbsClientCommand(),
    tpmCommand(),
    verifyCommand(),
    imageCommand(),
    keyProviderCommand(),
    collateralCommand(),
    agentCommand(attesterFor, [enclaveAgentCommand(attesterFor)]),
    emulateCommand(),
    measureCommand(),
    sevCommand(),
    enclaveCcCommand(),
    regoCommand(),
    conformanceCommand(),
    configCommand(),
    doctorCommand(),
    completionCommand(() => program),
  ]) {
    program.addCommand(command);
  }
  exitByException(program);
  return program;
}

/** Commander would end the process itself; here every end goes through `main`, which knows the exit codes. */
function exitByException(command: Command): void {
  command.exitOverride();
  for (const member of command.commands) exitByException(member);
}
