import { isJsonArray, isJsonObject, type JsonObject } from '@assay/bytes';
import { CONTAINER_TYPE, IMAGE_NAME, SANDBOX_NAMESPACE } from '../names.js';

/** The shim cannot tell from a container's annotations what it is. Texts are those of the shim. */
export class AnnotationError extends Error {
  override readonly name = 'AnnotationError';

  constructor(what: string) {
    super(`OCI Annotation error: unknown ${what} in annotation`);
  }
}

/** An OCI runtime specification, as containerd hands it over. */
export type RuntimeSpec = JsonObject;

export type ContainerType = 'sandbox' | 'container';

/** @throws AnnotationError */
export function containerTypeOf(spec: RuntimeSpec): ContainerType {
  const type = annotationOf(spec, CONTAINER_TYPE);
  if (type !== 'sandbox' && type !== 'container') throw new AnnotationError('container type');
  return type;
}

/** Namespace of the pod. @throws AnnotationError */
export function namespaceOf(spec: RuntimeSpec): string {
  const namespace = annotationOf(spec, SANDBOX_NAMESPACE);
  if (namespace === undefined || namespace === '') throw new AnnotationError('sandbox namespace');
  return namespace;
}

/** Reference of the container's image. @throws AnnotationError */
export function imageOf(spec: RuntimeSpec): string {
  const image = annotationOf(spec, IMAGE_NAME);
  if (image === undefined || image === '') throw new AnnotationError('image name');
  return image;
}

/** Containers of one group share one shim. */
export function groupOf(spec: RuntimeSpec, id: string): string {
  return annotationOf(spec, 'io.containerd.runc.v2.group') ?? annotationOf(spec, 'io.kubernetes.cri.sandbox-id') ?? id;
}

/** Texts of `process.env` as a map; a later one wins. */
export function environmentOf(spec: RuntimeSpec): ReadonlyMap<string, string> {
  const env = objectIn(spec, 'process')['env'] ?? [];
  if (!isJsonArray(env)) return new Map();
  const texts = env.filter((entry) => typeof entry === 'string');
  return new Map(
    texts.map((text): [string, string] => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)]),
  );
}

/** Program and arguments. */
export function argumentsOf(spec: RuntimeSpec): readonly string[] {
  const args = objectIn(spec, 'process')['args'] ?? [];
  return isJsonArray(args) ? args.filter((entry) => typeof entry === 'string') : [];
}

/** A member that is an object; an empty one otherwise. */
export function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(parent, name) ? parent[name] : undefined;
  return value !== undefined && isJsonObject(value) ? value : {};
}

function annotationOf(spec: RuntimeSpec, name: string): string | undefined {
  const annotations = objectIn(spec, 'annotations');
  const value = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
