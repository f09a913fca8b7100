import { LruCache } from './regex/cache.js';
import { quoteMeta, Regex } from './regex/regex.js';

/** A template whose delimiters do not pair up. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const compiled = new LruCache<Regex>(64);

/**
 * Expression for `regex.template_match`: text between the delimiters is a pattern, everything else is literal, and the
 * whole must match from end to end. Throws TemplateError or RegexSyntaxError.
 */
export function compileTemplate(template: string, open: string, close: string): Regex {
  return compiled.getOrCreate(`${open}${close}${template}`, () => {
    let pattern = '^';
    let end = 0;
    for (const [from, to] of delimited(template, open, close)) {
      const part = template.slice(from + open.length, to - close.length);
      // Each part must be an expression of its own: one that closes the surrounding group would change the template.
      Regex.compile(part);
      pattern += `${quoteMeta(template.slice(end, from))}(${part})`;
      end = to;
    }
    return Regex.compile(`${pattern}${quoteMeta(template.slice(end))}$`);
  });
}

/** Outermost delimited spans, delimiters included. */
function delimited(template: string, open: string, close: string): [number, number][] {
  const spans: [number, number][] = [];
  let level = 0;
  let start = 0;
  for (let i = 0; i < template.length; i++) {
    if (template[i] === open) {
      if (level++ === 0) start = i;
    } else if (template[i] === close) {
      if (--level === 0) spans.push([start, i + 1]);
      if (level < 0) throw unbalanced(template);
    }
  }
  if (level !== 0) throw unbalanced(template);
  return spans;
}

function unbalanced(template: string): TemplateError {
  return new TemplateError(`unbalanced braces in ${JSON.stringify(template)}`);
}
