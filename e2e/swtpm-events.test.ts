import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex } from '@assay/bytes';
import { type Attester, type TpmAttesterOptions, tpmAttester } from '@assay/guest';
import { AttestationAgent, EventLog } from '@assay/guest/services';
import { enrol, extendPcr, readPcrs } from '@assay/guest/tpm';
import { decodeJwtUnverified } from '@assay/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { guestOf, startTestServer, type TestServer } from './support/assay.js';
import { assay, printed, start } from './support/cli.js';
import { eventLogOf, measure, measuredBoot } from './support/measured-boot.js';
import { type SoftwareTpm, swtpmPossible, type TpmMaker, tpmMaker } from './support/swtpm.js';

const PULLED = {
  domain: 'github.com/confidential-containers',
  operation: 'PullImage',
  content: '{"image":"docker.io/library/alpine:3.20", "digest":"sha256:0c0c"}',
};
const EVENT_PCR = 15;

/** Runtime measurements of an Attestation Agent whose registers are those of a real TPM 2.0. */
describe.skipIf(!swtpmPossible())('events of the Attestation Agent in a TPM', () => {
  let maker: TpmMaker;
  let tpm: SoftwareTpm;
  let server: TestServer;
  const boot = measuredBoot();

  beforeAll(async () => {
    maker = tpmMaker();
    tpm = await maker.manufacture('events');
    server = await startTestServer({ tpm: { enrolment: 'public', ek_roots: [maker.ca] } });
    await tpm.use((device) => enrol({ tpm: device, transport: server.transport }));
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await maker?.close();
  });

  beforeEach(async () => {
    await tpm.reboot();
    rmSync(join(maker.folder, 'aael'), { recursive: true, force: true });
  });

  const logPath = () => join(maker.folder, 'aael/eventlog');
  const attesterOf = (more: Partial<TpmAttesterOptions> = {}): Attester =>
    tpmAttester({ address: tpm.address, agentLog: logPath(), ...more });

  async function agentOf(attester: Attester, initPcr = EVENT_PCR): Promise<AttestationAgent> {
    const { registers } = attester;
    if (registers === undefined) throw new Error('no registers');
    return new AttestationAgent({
      attester,
      devices: [],
      transport: () => () => Promise.reject(new Error('nothing is to be sent')),
      random: (length) => randomBytes(length),
      now: () => new Date(),
      config: { eventLog: { initPcr, enabled: true } },
      eventLog: await EventLog.open({ registers, initPcr, path: logPath() }),
    });
  }

  const pcr = (index: number): Promise<string> =>
    tpm.use(async (device) => encodeHex((await readPcrs(device, 'sha256', [index])).get(index) ?? new Uint8Array()));

  async function claimsOf(attester: Attester): Promise<Record<string, unknown>> {
    const guest = guestOf(server, { attester });
    const { claims } = decodeJwtUnverified(await guest.attest());
    const { submods } = claims as unknown as { submods: { cpu0: Record<string, Record<string, unknown>> } };
    return submods.cpu0['ear.veraison.annotated-evidence']?.['tpm'] as Record<string, unknown>;
  }

  async function refusals(attester: Attester): Promise<readonly string[]> {
    const guest = guestOf(server, { attester });
    await expect(guest.attest()).rejects.toMatchObject({ reason: 'refused', status: 401 });
    const { verdict } = (await server.admin('GET', `/api/v1/attestations/${guest.lastAttempt}`)) as {
      verdict: { findings: { id: string; outcome: string; subject?: string }[] };
    };
    return verdict.findings.filter(({ outcome }) => outcome === 'fail').map(({ id, subject }) => `${id} ${subject}`);
  }

  test('are in the register, in the evidence, and in the token', async () => {
    await tpm.use((device) => measure(device, boot));
    const firmwareLog = join(maker.folder, 'firmware-log');
    writeFileSync(firmwareLog, eventLogOf(boot));
    const attester = attesterOf({ eventLog: firmwareLog });
    // Before the first event there is no log, and evidence is as ever.
    expect(await attester.getEvidence(new Uint8Array(32))).not.toHaveProperty('agent_event_log');

    const agent = await agentOf(attester);
    expect(await agent.extendRuntimeMeasurement(PULLED, undefined)).toBe('measured');
    expect(await agent.extendRuntimeMeasurement({ ...PULLED, operation: 'Other' }, 14n)).toBe('measured');
    const claims = await claimsOf(attester);
    expect(claims[`pcr${EVENT_PCR}`]).toBe(await pcr(EVENT_PCR));
    expect(claims[`pcr${EVENT_PCR}`]).not.toBe('00'.repeat(32));
    const events = claims['uefi_event_logs'] as { index: number; details: { data?: object } }[];
    expect(events.slice(-2)).toMatchObject([
      { index: EVENT_PCR, details: { data: { operation: 'PullImage' } } },
      { index: 14, details: { data: { operation: 'Other' } } },
    ]);
    expect(events.length).toBeGreaterThan(boot.length);
  });

  test('are refused where the log is not what was measured', async () => {
    const attester = attesterOf();
    const agent = await agentOf(attester);
    await agent.extendRuntimeMeasurement(PULLED, undefined);
    const log = readFileSync(logPath());
    await claimsOf(attester);
    writeFileSync(logPath(), Buffer.from(log.toString('latin1').replace('alpine:3.20', 'alpine:3.21'), 'latin1'));
    expect(await refusals(attester)).toEqual(['eventlog.aael.form event 1']);
    // Another event in its place, well formed.
    await tpm.reboot();
    rmSync(logPath());
    await (await agentOf(attester)).extendRuntimeMeasurement({ ...PULLED, operation: 'Other' }, undefined);
    const other = readFileSync(logPath());
    await tpm.reboot();
    rmSync(logPath());
    await (await agentOf(attester)).extendRuntimeMeasurement(PULLED, undefined);
    writeFileSync(logPath(), other);
    expect(await refusals(attester)).toEqual([`eventlog.register.replay PCR ${EVENT_PCR}`]);
  });

  test('an event that a crash interrupted is ended with the TPM’s register', async () => {
    const attester = attesterOf();
    await (await agentOf(attester)).extendRuntimeMeasurement(PULLED, undefined);
    const { registers } = attester;
    if (registers === undefined) throw new Error('no registers');
    let crash = true;
    const crashing: Attester = {
      ...attester,
      registers: {
        ...registers,
        extend: async (index, digest) => {
          if (crash) throw new Error('power is gone');
          await registers.extend(index, digest);
        },
      },
    };
    const before = await pcr(EVENT_PCR);
    await expect((await agentOf(crashing)).extendRuntimeMeasurement(PULLED, undefined)).rejects.toThrow('power');
    expect([await pcr(EVENT_PCR), existsSync(join(maker.folder, 'aael/.wal_event_entry'))]).toEqual([before, true]);
    crash = false;
    await agentOf(attester);
    expect(await pcr(EVENT_PCR)).not.toBe(before);
    expect((await claimsOf(attester))['uefi_event_logs']).toHaveLength(2);
  });

  test('of a dynamic launch’s register are refused by the TPM, and the error says what to configure', async () => {
    const agent = await agentOf(attesterOf(), 17);
    await expect(agent.extendRuntimeMeasurement(PULLED, undefined)).rejects.toMatchObject({
      message: expect.stringContaining('PCR 17'),
      remedy: expect.stringContaining('init_pcr'),
    });
    expect(existsSync(logPath())).toBe(false);
  });

  test('evidence that is asked for while events are measured is of one moment', { timeout: 60_000 }, async () => {
    const attester = attesterOf();
    const agent = await agentOf(attester);
    const events = Array.from({ length: 8 }, (_, n) =>
      agent.extendRuntimeMeasurement({ ...PULLED, content: String(n) }, undefined),
    );
    const reportData = randomBytes(48);
    const evidence = await Promise.all([0, 1, 2].map(() => agent.getEvidence(reportData)));
    await Promise.all(events);
    for (const bytes of evidence) {
      const { agent_event_log: log } = JSON.parse(Buffer.from(bytes).toString()) as { agent_event_log: string };
      expect(Buffer.from(log, 'base64').length).toBe(readFileSync(logPath()).length);
    }
  });
});

/** Init-data where no hardware was launched with them: PCR 8. */
describe.skipIf(!swtpmPossible())('init-data in a TPM', () => {
  let maker: TpmMaker;
  let tpm: SoftwareTpm;
  beforeAll(async () => {
    maker = tpmMaker();
    tpm = await maker.manufacture('init', { certified: false });
  }, 60_000);
  afterAll(() => maker?.close());

  test('are bound once, again by the same agent, and by no other', async () => {
    const attester = tpmAttester({ address: tpm.address });
    const digest = randomBytes(32);
    const pcr8 = () =>
      tpm.use(async (device) => encodeHex((await readPcrs(device, 'sha256', [8])).get(8) ?? new Uint8Array()));
    await expect(attester.bindInitData?.(randomBytes(48))).rejects.toThrow(/48 bytes, and a TPM takes 32/);
    expect(await pcr8()).toBe('00'.repeat(32));
    await attester.bindInitData?.(digest);
    const bound = await pcr8();
    expect(bound).not.toBe('00'.repeat(32));
    await attester.bindInitData?.(digest);
    expect(await pcr8()).toBe(bound);
    await expect(attester.bindInitData?.(randomBytes(32))).rejects.toMatchObject({ name: 'InitDataError' });
    expect(await pcr8()).toBe(bound);
  });
});

/** The agent as a program, with settings as a guest has them. */
describe.skipIf(!swtpmPossible())('an agent with a TPM', () => {
  let maker: TpmMaker;
  let tpm: SoftwareTpm;
  beforeAll(async () => {
    maker = tpmMaker();
    tpm = await maker.manufacture('program', { certified: false });
  }, 60_000);
  afterAll(() => maker?.close());

  const toml = (algorithm: string) => `version = "0.1.0"\nalgorithm = "${algorithm}"\n[data]\n"aa.toml" = "x"\n`;
  const config = (initPcr: number) => `[eventlog_config]\nenable_eventlog = true\ninit_pcr = ${initPcr}\n`;
  const args = (initPcr: number, algorithm: string): string[] => {
    const file = (name: string, content: string): string => {
      writeFileSync(join(maker.folder, name), content);
      return join(maker.folder, name);
    };
    const sockets = ['-a', `unix://${join(maker.folder, 'aa.sock')}`, '-b', '127.0.0.1:0'];
    const hub = [
      '--data-hub-socket',
      `unix://${join(maker.folder, 'cdh.sock')}`,
      '--folder',
      join(maker.folder, 'cdh'),
    ];
    const settings = ['-c', file('aa.toml', config(initPcr)), '-t', file('initdata.toml', toml(algorithm))];
    return ['agent', 'serve', ...sockets, ...hub, ...settings, '--features', 'all'];
  };
  const env = () => ({ AA_TPM_DEVICE: tpm.address, AAEL_PATH: join(maker.folder, 'aael/eventlog') });

  test('measures what containers tell it, and init-data', { timeout: 120_000 }, async () => {
    const guest = start(args(EVENT_PCR, 'sha256'), env());
    try {
      const [, api = ''] = await printed(guest, /listening on (http:\/\/\S+)/);
      expect(await (await fetch(`${api}/info`)).json()).toMatchObject({ tee: 'tpm' });
      const event = JSON.stringify({ domain: 'app', operation: 'start', content: 'now' });
      const measured = await fetch(`${api}/aa/aael`, { method: 'POST', body: event });
      expect(await measured.json()).toEqual({ success: 'true' });
      const evidence = (await (await fetch(`${api}/aa/evidence?runtime_data=hello`)).json()) as {
        agent_event_log: string;
        tpm_quote: { pcrs: string[] };
      };
      expect(Buffer.from(evidence.agent_event_log, 'base64').toString('latin1')).toContain('app start now');
      const digest = createHash('sha256').update(toml('sha256')).digest();
      const bound = createHash('sha256').update(Buffer.alloc(32)).update(digest).digest('hex');
      expect(evidence.tpm_quote.pcrs[8]).toBe(bound);
      expect(evidence.tpm_quote.pcrs[EVENT_PCR]).not.toBe('00'.repeat(32));
    } finally {
      guest.kill('SIGTERM');
      await new Promise((resolve) => guest.on('exit', resolve));
    }
  });

  test('does not start with init-data that the register does not hold, or cannot', { timeout: 120_000 }, async () => {
    const longer = await assay(args(EVENT_PCR, 'sha384'), { env: env() });
    expect([longer.code, longer.err]).toEqual([4, expect.stringContaining('use algorithm = "sha256"')]);
    await tpm.use((device) => extendPcr(device, 8, [{ bank: 'sha256', digest: new Uint8Array(32) }]));
    const other = await assay(args(EVENT_PCR, 'sha256'), { env: env() });
    expect([other.code, other.err]).toEqual([1, expect.stringContaining('other init-data were bound')]);
    const gone = await assay(args(EVENT_PCR, 'sha256'), { env: { ...env(), AA_TPM_DEVICE: 'unix:/nowhere/tpm.sock' } });
    expect([gone.code, gone.err]).toEqual([4, expect.stringContaining('hint:')]);
  });

  test('tells its owner what to configure where the TPM lets nobody extend the register', {
    timeout: 120_000,
  }, async () => {
    await tpm.reboot();
    const guest = start(args(17, 'sha256'), env());
    let told = '';
    guest.stderr?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    try {
      const [, api = ''] = await printed(guest, /listening on (http:\/\/\S+)/);
      const event = JSON.stringify({ domain: 'app', operation: 'start', content: 'now' });
      expect((await fetch(`${api}/aa/aael`, { method: 'POST', body: event })).status).toBe(500);
      expect(told).toContain('init_pcr');
    } finally {
      guest.kill('SIGTERM');
      await new Promise((resolve) => guest.on('exit', resolve));
    }
  });
});
