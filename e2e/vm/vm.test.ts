/**
 * A real virtual machine: UEFI measures the kernel, the kernel measures its command line and initrd, the guest's agent in that initrd
 * quotes the TPM with the firmware's own log, and the broker outside hands out the secret, or says why not.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { enrol } from '@assay/guest/tpm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../scripts/bundle-guest.js';
import { affirmingPolicy, startTestServer, type TestServer } from '../support/assay.js';
import { peersFor } from '../support/peers.js';
import { type TpmMaker, tpmMaker } from '../support/swtpm.js';
import { expectedPcr9 } from './expected.js';
import { initramfs, moduleFile, nodeFiles } from './initramfs.js';
import { debianKernel, type Kernel } from './kernel.js';
import { bootMachine } from './machine.js';
import { VM_PEERS } from './peers.js';

const possible = peersFor('the virtual machine', VM_PEERS);
const SECRET = 'told to a measured machine';
/** Consoles and verdicts stay here, for a look after the run. */
const kept = fileURLToPath(new URL('../../node_modules/.cache/assay-vm/last-run', import.meta.url));

/** What the owner asks: this command line and this initrd, on a TPM whose key was enrolled. */
const attestationPolicy = `package policy

import rego.v1

default executables := 33

default hardware := 97

default configuration := 36

executables := 3 if input.tpm.pcr09 in query_reference_value("vm_pcr09")

hardware := 2 if input.tpm

configuration := 2 if input.tpm

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
}
`;

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t securityfs security /sys/kernel/security
insmod /modules/e1000.ko
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mkdir -p /run/guest
node /assay-guest.mjs agent serve --folder /run/guest &
tries=0
until wget -q -O /tmp/secret http://127.0.0.1:8006/cdh/resource/default/key/1 2>/tmp/error || [ $tries -ge 60 ]; do
  grep -q 'server returned error' /tmp/error && break
  tries=$((tries + 1))
  sleep 1
done
echo "ASSAY-SECRET [$(cat /tmp/secret)] $(cat /tmp/error)"
poweroff -f
`;

interface KeptVerdict {
  readonly verdict: string;
  readonly decision?: string;
  readonly findings: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly role?: string;
    readonly subject?: string;
  }[];
}

describe.skipIf(!possible)('a virtual machine with a TPM', () => {
  let kernel: Kernel;
  let maker: TpmMaker;
  let server: TestServer;
  let initrd: Buffer;
  let commandLine = '';

  beforeAll(async () => {
    kernel = debianKernel();
    maker = tpmMaker();
    const tpm = await maker.manufacture('vm');
    server = await startTestServer({ tpm: { enrolment: 'public', ek_roots: [maker.ca] } });
    await tpm.use((device) => enrol({ tpm: device, transport: server.transport }));
    await tpm.stop();
    const bundle = await bundleGuest(join(maker.folder, 'assay-guest.mjs'));
    initrd = initramfs([
      { path: 'init', file: INIT, mode: 0o755 },
      { path: 'bin/busybox', file: readFileSync('/bin/busybox'), mode: 0o755 },
      { path: 'assay-guest.mjs', file: readFileSync(bundle), mode: 0o755 },
      { path: 'dev/console', device: [5, 1] },
      moduleFile(kernel.modules, 'drivers/net/ethernet/intel/e1000/e1000.ko'),
      ...nodeFiles(),
    ]);
    const broker = server.url.replace('127.0.0.1', '10.0.2.2');
    commandLine = `console=ttyS0 panic=-1 loglevel=3 agent.aa_kbc_params=cc_kbc::${broker}`;
    await server.admin('PUT', '/api/v1/attestation-policies/default_cpu', { text: attestationPolicy });
    await server.admin('PUT', '/api/v1/resource-policy', { text: affirmingPolicy });
    await server.admin('PUT', '/api/v1/resources/default/key/1', Buffer.from(SECRET));
    // Computed from what will be booted: nothing has run yet.
    await server.admin('PUT', '/api/v1/reference-values/vm_pcr09', { value: [expectedPcr9(commandLine, initrd)] });
  }, 180_000);

  afterAll(async () => {
    await server?.stop();
    await maker?.close();
  });

  /** Boots, and keeps the console and the last verdict. */
  async function boot(name: string, change: { initrd?: Uint8Array; commandLine?: string } = {}) {
    const file = join(maker.folder, `${name}.img`);
    writeFileSync(file, change.initrd ?? initrd);
    const tpm = join(maker.folder, 'vm');
    const result = await bootMachine({
      kernel: kernel.image,
      initrd: file,
      commandLine: change.commandLine ?? commandLine,
      tpm,
    });
    mkdirSync(kept, { recursive: true });
    writeFileSync(join(kept, `${name}.console.txt`), result.console);
    const { items } = (await server.admin('GET', '/api/v1/attestations?limit=1')) as { items: { attempt: string }[] };
    const verdict = await server.admin('GET', `/api/v1/attestations/${items[0]?.attempt}`);
    writeFileSync(join(kept, `${name}.verdict.json`), JSON.stringify(verdict, null, 2));
    const [, secret] = /ASSAY-SECRET \[(.*)\]/.exec(result.console) ?? [];
    return { ...result, secret, verdict: (verdict as { verdict: KeptVerdict }).verdict };
  }

  /** The evidence was genuine; what it booted was not expected, and the verdict names the register and both values. */
  function expectRefusalFor(verdict: KeptVerdict, pcr9: string): void {
    expect(verdict).toMatchObject({ verdict: 'accept', decision: 'refuse' });
    expect(verdict.findings.filter(({ outcome, role }) => outcome === 'fail' && role === 'root')).toMatchObject([
      { id: 'rv.match.any', subject: 'tpm.pcr09', actual: pcr9, expected: [expectedPcr9(commandLine, initrd)] },
    ]);
  }

  test('that runs what its owner expects gets its secret', async () => {
    const { secret, verdict, console: text } = await boot('expected');
    expect(secret, text.slice(-3000)).toBe(SECRET);
    expect(verdict).toMatchObject({ verdict: 'accept', decision: 'accept' });
    const passed = verdict.findings.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id);
    expect(passed).toEqual(
      expect.arrayContaining(['tpm.signature.valid', 'tpm.pcr.digest', 'eventlog.register.replay']),
    );
  }, 300_000);

  test('whose initrd has one other byte does not', async () => {
    // The time in the head of gzip: the same files come out, and the machine starts as ever.
    const changed = Buffer.from(initrd);
    changed[4] = (changed[4] ?? 0) ^ 1;
    const { secret, verdict } = await boot('initrd', { initrd: changed });
    expect(secret).toBe('');
    expectRefusalFor(verdict, expectedPcr9(commandLine, changed));
  }, 300_000);

  test('whose command line has one other character does not', async () => {
    const changed = commandLine.replace('loglevel=3', 'loglevel=4');
    const { secret, verdict } = await boot('command-line', { commandLine: changed });
    expect(secret).toBe('');
    expectRefusalFor(verdict, expectedPcr9(changed, initrd));
  }, 300_000);
});
