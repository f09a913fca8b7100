/** Checks of number literals beyond what the lexer sees. */

/** Largest binary exponent, either way, that a literal may have: beyond it, exact arithmetic would be a way to stall. */
const MAX_BINARY_EXPONENT = 1e5;
const LOG2_10 = Math.log2(10);

/** What is wrong with the literal, if anything. `prefix` is `-`, `.`, `-.` or empty. */
export function checkNumber(prefix: string, text: string): string | undefined {
  if (prefix.endsWith('.')) {
    if (text.includes('.')) return 'invalid float';
  } else if (/^0[0-9]/.test(text)) {
    return 'unexpected number token: expected number without leading zero';
  }
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = prefix.endsWith('.') ? ['', mantissa] : mantissa.split('.');
  const digits = whole + fraction;
  const leading = digits.search(/[1-9]/);
  if (leading < 0) return undefined;
  const magnitude = whole.length - leading + Number(exponent);
  return Math.abs(magnitude * LOG2_10) > MAX_BINARY_EXPONENT ? 'number too big' : undefined;
}
