import { ProtocolError, quoteBriefly } from '../protocol-error.js';

/** Name of a secret: three segments, each of letters, digits, `_`, `-` and, after the first character, `.`. */
export interface ResourceName {
  readonly repository: string;
  readonly type: string;
  readonly tag: string;
}

const SEGMENT = /^[a-zA-Z0-9_-][a-zA-Z0-9_\-.]*$/;
const MAX_SEGMENT = 256;

/**
 * Reads `repository/type/tag`, given as one text or already split.
 *
 * @throws ProtocolError `resource.name.form`
 */
export function parseResourceName(path: string | readonly string[]): ResourceName {
  const segments = typeof path === 'string' ? path.split('/') : path;
  const [repository, type, tag] = segments;
  if (segments.length !== 3 || repository === undefined || type === undefined || tag === undefined) {
    throw new ProtocolError('resource.name.form', `resource name has ${segments.length} segments; three are due`, {
      expected: '<repository>/<type>/<tag>',
    });
  }
  for (const [index, segment] of segments.entries()) checkSegment(segment, index + 1);
  return { repository, type, tag };
}

export function formatResourceName({ repository, type, tag }: ResourceName): string {
  return `${repository}/${type}/${tag}`;
}

function checkSegment(segment: string, number: number): void {
  const why = reason(segment);
  if (why === undefined) return;
  throw new ProtocolError(
    'resource.name.form',
    `segment ${number} of the resource name, ${quoteBriefly(segment)}, ${why}`,
    {
      expected: 'letters, digits, _, - and, after the first character, .',
      actual: quoteBriefly(segment),
    },
  );
}

function reason(segment: string): string | undefined {
  if (segment === '') return 'is empty';
  if (segment.length > MAX_SEGMENT) return `is longer than ${MAX_SEGMENT} characters`;
  if (segment.startsWith('.')) return 'begins with a dot';
  return SEGMENT.test(segment) ? undefined : 'holds a character that is not allowed';
}
