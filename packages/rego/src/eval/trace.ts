import type { Program } from '../compiler/compile.js';
import type { Branch, Definition, Statement } from '../compiler/ir.js';
import type { Emitter } from './codegen/emitter.js';
import type { Enumerate, Evaluate } from './rules/branch.js';
import type { Instrument } from './runtime.js';
import type { Probe } from './state.js';

export interface TraceReport {
  readonly rules: readonly unknown[];
}
export class Tracer implements Instrument, Probe {
  constructor(_program: Program) {}
  enter(): void {}
  pass(): void {}
  begin(): void {}
  end(): void {}
  before(_e: Emitter, _statement: Statement): void {}
  after(_e: Emitter, _statement: Statement): void {}
  branch(_d: Definition, _b: Branch, evaluate: Evaluate): Evaluate {
    return evaluate;
  }
  solutions(_d: Definition, _b: Branch, enumerate: Enumerate): Enumerate {
    return enumerate;
  }
  report(): TraceReport {
    return { rules: [] };
  }
}
