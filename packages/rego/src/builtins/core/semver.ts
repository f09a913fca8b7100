/** `semver.*`: Semantic Versioning 2.0.0. */
import type { Value } from '../../value/index.js';
import { operand, stringOperand } from '../operands.js';
import { type Builtin, failure, T } from '../types.js';

interface Version {
  readonly core: readonly bigint[];
  readonly pre: readonly string[];
}

const NUMBER = '(?:0|[1-9]\\d*)';
const IDENTIFIER = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const VERSION = new RegExp(
  `^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);

function parse(text: string): Version | undefined {
  const m = text.length <= 1_024 ? VERSION.exec(text) : null;
  if (m === null) return undefined;
  return { core: m.slice(1, 4).map((part) => BigInt(part)), pre: m[4]?.split('.') ?? [] };
}

function compareIdentifiers(a: string, b: string): number {
  const numeric = /^\d+$/;
  if (numeric.test(a) && numeric.test(b)) {
    const x = BigInt(a);
    const y = BigInt(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  // Numeric identifiers come before others; the rest is ASCII, so units order them.
  if (numeric.test(a)) return -1;
  if (numeric.test(b)) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const x = a.core[i] ?? 0n;
    const y = b.core[i] ?? 0n;
    if (x !== y) return x < y ? -1 : 1;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const c = compareIdentifiers(a.pre[i] ?? '', b.pre[i] ?? '');
    if (c !== 0) return c;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

function versionOperand(args: readonly Value[], pos: number): Version {
  const text = stringOperand(args, pos);
  const version = parse(text);
  if (version === undefined) throw failure(`operand ${pos}: string ${JSON.stringify(text)} is not a valid SemVer`);
  return version;
}

export const semverBuiltins: readonly Builtin[] = [
  {
    name: 'semver.compare',
    args: [T.string, T.string],
    result: T.number,
    impl: (args) => {
      stringOperand(args, 1);
      stringOperand(args, 2);
      return compareVersions(versionOperand(args, 1), versionOperand(args, 2));
    },
  },
  {
    name: 'semver.is_valid',
    args: [T.any],
    result: T.boolean,
    impl: (args) => {
      const v = operand(args, 1);
      return typeof v === 'string' && parse(v) !== undefined;
    },
  },
];
