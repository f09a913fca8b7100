/** `@assay/bytes/findings`: how a verdict explains itself. */
export { type ClockName, distance, ended, ends, notYetValid, utc } from './dates.js';
export {
  AssayError,
  type AssayErrorOptions,
  asAssayError,
  assayError,
  type ErrorCode,
  type Problem,
} from './error.js';
export { GUEST_CODES, type GuestCodeEntry, guestMayHaveDetail } from './guest-codes.js';
export {
  docLink,
  type FindingFacts,
  type FindingInput,
  type FindingParams,
  failed,
  fill,
  LONGEST_TITLE,
  notChecked,
  passed,
  reported,
  unmet,
  warned,
} from './make.js';
export * from './model.js';
export { renderReference } from './reference.js';
export type { RegisterEntry, RegisterPart } from './register/entry.js';
export { FINDING_IDS, type FindingId, isFindingId, REGISTER, registerEntry, registerOrder } from './register/index.js';
export { renderJson, viewFor } from './render/json.js';
export type { TerminalOptions } from './render/layout.js';
export { MOST_LINES, renderTerminal } from './render/terminal.js';
export { cut, inLine, listInLine, nearestName, onOneLine, shortened, visible } from './text.js';
export { assembleVerdict, keyed, refuses, stageOf, type VerdictInput } from './verdict.js';
