/** Firmware and agent event logs: read, replay, compare with the registers that vouch for them. */
export { AAEL_TAG, type AgentEvent, splitAgentEvent } from './aael.js';
export { LARGEST_AGENT_LOG, parseAgentLog } from './agent-log.js';
export { type AgentTextResult, verifyAgentText } from './agent-text.js';
export { type Bank, bankAvailable } from './algorithm.js';
export { type AuthenticEventlog, eventlogClaims } from './claims.js';
export { eventDetails } from './details.js';
export { EVENT, eventTypeName } from './event-type.js';
export { type EventlogFileOptions, type EventlogFileResult, verifyEventlogFiles } from './files.js';
export { type EventRecord, LARGEST_LOG, type LogKind, type ParsedEventlog, parseEventlog } from './parse.js';
export { compareData, duplicateSeparators, type RegisterValues, replay } from './replay.js';
export { type EventRules, judgeEvents } from './rules.js';
export { type EventlogInput, type EventlogResult, type QuotedRegister, verifyEventlog } from './verify.js';
