import { type ResourceName as Name, parseResourceName as parse } from '@assay/protocol';
import { reading } from '../protocol-fault.js';

/** A resource name that was checked. */
export interface ResourceName extends Name {
  /** `repository/type/tag` */
  readonly path: string;
}

const DEFAULT_REPOSITORY = 'default';

/** Two segments are the form of servers up to Trustee v0.11, which meant repository `default`. */
export function withRepository(segments: readonly string[]): readonly string[] {
  return segments.length === 2 ? [DEFAULT_REPOSITORY, ...segments] : segments;
}

/**
 * Reads the segments that follow the plug-in's name, see {@link withRepository}.
 *
 * @throws AssayError `resource.name.form`
 */
export function parseResourceName(segments: readonly string[]): ResourceName {
  const name = reading(() => parse(withRepository(segments)));
  return { ...name, path: `${name.repository}/${name.type}/${name.tag}` };
}

/** As {@link parseResourceName}, from `repository/type/tag` in one text. */
export function parseResourcePath(path: string): ResourceName {
  return parseResourceName(path.split('/'));
}

/** @throws AssayError `resource.name.form` */
export function checkRepository(repository: string): string {
  return parseResourceName([repository, 'x', 'x']).repository;
}
