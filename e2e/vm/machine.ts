/** A virtual machine with UEFI firmware and a TPM 2.0 of its own, that runs until it powers itself off. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';

export interface Boot {
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  /** Folder of the state of a TPM that keeps its keys from boot to boot. */
  readonly tpm: string;
  /** Milliseconds until it is given up. */
  readonly timeout?: number;
}

export interface BootResult {
  /** What it wrote on its serial console. */
  readonly console: string;
  readonly accelerator: Accelerator;
}

type Accelerator = 'kvm' | 'tcg';

/** `/dev/kvm` may exist and still fail: what failed once is not tried again. */
let accelerator: Accelerator = process.env['ASSAY_VM_ACCELERATOR'] === 'kvm' ? 'kvm' : 'tcg';

/** Starts the machine and waits until it is off. @throws Error with the end of its console when it did not end by itself */
export async function bootMachine(boot: Boot): Promise<BootResult> {
  const first = await tryBoot(boot, accelerator);
  if (accelerator === 'tcg' || !/KVM internal error|failed to initialize kvm/i.test(first.text)) return finish(first);
  accelerator = 'tcg';
  return finish(await tryBoot(boot, accelerator));
}

interface Ended {
  readonly text: string;
  readonly clean: boolean;
  readonly accelerator: Accelerator;
}

function finish({ text, clean, accelerator: used }: Ended): BootResult {
  if (!clean) throw new Error(`the machine did not power off by itself; its console ends with\n${text.slice(-3000)}`);
  return { console: text, accelerator: used };
}

async function tryBoot(boot: Boot, accelerator: Accelerator): Promise<Ended> {
  const folder = temporaryFolder('assay-vm-');
  const socket = join(folder, 'swtpm.sock');
  const variables = join(folder, 'vars.fd');
  copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  const tpm = spawn(
    'swtpm',
    ['socket', '--tpm2', '--tpmstate', `dir=${boot.tpm}`, '--ctrl', `type=unixio,path=${socket}`, '--terminate'],
    { stdio: 'ignore' },
  );
  await untilListening(socket);
  try {
    return await run(boot, accelerator, { socket, variables });
  } finally {
    tpm.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(boot: Boot, accelerator: Accelerator, paths: { socket: string; variables: string }): Promise<Ended> {
  const args = [
    ...['-accel', accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    ...['-machine', 'q35,smm=off', '-cpu', 'max', '-m', '1024', '-smp', '1'],
    ...['-nographic', '-monitor', 'none', '-serial', 'stdio', '-no-reboot'],
    ...['-drive', 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
    ...['-drive', `if=pflash,format=raw,file=${paths.variables}`],
    ...['-chardev', `socket,id=chrtpm,path=${paths.socket}`],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=chrtpm', '-device', 'tpm-crb,tpmdev=tpm0'],
    // The host's loopback is 10.0.2.2 in there; nothing beyond the host is reached.
    ...['-netdev', 'user,id=net0', '-device', 'e1000,netdev=net0,romfile='],
    ...['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', boot.commandLine],
  ];
  const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  machine.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  machine.stderr.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    // It stands still after this for ever.
    if (chunk.includes('KVM internal error')) machine.kill('SIGKILL');
  });
  const timer = setTimeout(() => machine.kill('SIGKILL'), boot.timeout ?? 240_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  clearTimeout(timer);
  return { text: Buffer.concat(chunks).toString('utf8').replaceAll('\r', ''), clean: code === 0, accelerator };
}

async function untilListening(socket: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (existsSync(socket)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`swtpm does not listen on ${socket}`);
}
