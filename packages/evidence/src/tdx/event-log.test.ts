import { decodeHex } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import type { TdxQuote } from '../dcap/quote/model.js';
import { agentEvent, extended, logOf } from '../eventlog/eventlog.test.helper.js';
import { EVENT } from '../eventlog/index.js';
import { tdxEventLogs } from './event-log.js';

const boot = { index: 1, type: EVENT.separator, data: new Uint8Array(4) };
const line = 'github.com/confidential-containers PullImage {"digest":"sha256:00","image":"alpine"}';
const text = `INIT sha384/${'0'.repeat(96)}\n${line}\n`;
/** RTMR3 after the text above. */
const afterText = decodeHex(
  '4d3d0b05b86b3e098482edce899927840c058ad4354082732e45655dcbdfdb28762b85481947485498ee444be0042ef2',
);
const zero = new Uint8Array(48);
const quote = (runtime: Uint8Array): TdxQuote =>
  ({ body: { rtmrs: [extended([boot], 1), zero, zero, runtime] } }) as unknown as TdxQuote;
const outcomes = ({ findings }: ReturnType<typeof tdxEventLogs>): string[] =>
  findings
    .filter(({ outcome }) => outcome === 'fail' || outcome === 'warn')
    .map(({ id, outcome }) => `${outcome} ${id}`);

describe('event logs of a TD', () => {
  test('the CC event log alone, with agent events in RTMR3', () => {
    const event = agentEvent(line);
    const logs = { eventLog: logOf([boot, event]), agentLog: undefined };
    const result = tdxEventLogs(logs, quote(extended([event], 4)));
    expect(outcomes(result)).toEqual([]);
    expect(result.claims).toMatchObject({ uefi_event_logs: { length: 2 } });
  });

  test('the text of older agents accounts for RTMR3', () => {
    const result = tdxEventLogs({ eventLog: logOf([boot]), agentLog: text }, quote(afterText));
    expect(outcomes(result)).toEqual([]);
    expect(result.claims).toMatchObject({ uefi_event_logs: { length: 1 } });
    expect(outcomes(tdxEventLogs({ eventLog: undefined, agentLog: text }, quote(afterText)))).toEqual([]);
  });

  test('without the text RTMR3 is not explained', () => {
    const result = tdxEventLogs({ eventLog: logOf([boot]), agentLog: undefined }, quote(afterText));
    expect(outcomes(result)).toEqual(['warn eventlog.register.unlogged']);
  });

  test('a text that does not replay refuses', () => {
    const result = tdxEventLogs(
      { eventLog: logOf([boot]), agentLog: text.replace('alpine', 'other') },
      quote(afterText),
    );
    expect(outcomes(result)).toEqual(['fail eventlog.register.replay']);
  });

  test('both logs cannot account for RTMR3', () => {
    const logs = { eventLog: logOf([boot, agentEvent(line)]), agentLog: text };
    expect(outcomes(tdxEventLogs(logs, quote(afterText)))).toEqual(['fail eventlog.register.replay']);
  });

  test('a CC event log that does not replay gives no claims', () => {
    const result = tdxEventLogs({ eventLog: logOf([boot, boot]), agentLog: undefined }, quote(zero));
    expect(outcomes(result)).toContain('fail eventlog.register.replay');
    expect(result.claims).toEqual({});
  });
});
