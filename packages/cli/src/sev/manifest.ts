/** Kubernetes manifests: where the annotations of pods stand in them. */
import { type Document, isMap, parseAllDocuments, YAMLMap } from 'yaml';
import { CliError, EXIT } from '../exit.js';

/** Where a kind keeps its pod. */
const POD_PATHS: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** A pod of a manifest. */
export interface PodInManifest {
  /** `Deployment web` */
  readonly where: string;
  readonly document: Document;
  /** Path of the pod's own `metadata`. */
  readonly metadata: readonly string[];
  readonly annotations: Readonly<Record<string, unknown>>;
  /** Annotations of the object around it, which do not reach the pod. */
  readonly outer: Readonly<Record<string, unknown>>;
  readonly runtimeClass: string | undefined;
}

export interface Manifest {
  readonly documents: readonly Document[];
  readonly pods: readonly PodInManifest[];
}

const MOST_BYTES = 4 * 1024 * 1024;

/** Reads YAML (or JSON) of one or several documents. @throws CliError exit 3 for what is none, or has no pod */
export function readManifest(text: string, name: string): Manifest {
  if (Buffer.byteLength(text) > MOST_BYTES) throw malformed(name, `is larger than ${MOST_BYTES} bytes`);
  const documents = parseAllDocuments(text, { uniqueKeys: true, schema: 'core' });
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw malformed(name, error.message.split('\n')[0] ?? 'does not parse');
  }
  const pods = documents.flatMap((document) => podsOf(document, name));
  if (pods.length === 0) throw malformed(name, `holds no pod; known are ${Object.keys(POD_PATHS).join(', ')}`);
  return { documents, pods };
}

/** Puts annotations into every pod, over what is there. */
export function annotate({ documents, pods }: Manifest, annotations: Readonly<Record<string, string>>): string {
  for (const { document, metadata } of pods) {
    const path = [...metadata, 'annotations'];
    if (!isMap(document.getIn(path))) document.setIn(path, new YAMLMap());
    for (const [name, value] of Object.entries(annotations)) {
      // Quoted: `true` and `3` would not be texts.
      document.setIn([...path, name], Object.assign(document.createNode(value), { type: 'QUOTE_DOUBLE' }));
    }
  }
  return documents.map((document) => String(document)).join('');
}

function podsOf(document: Document, name: string): PodInManifest[] {
  const value: unknown = toPlain(document, name);
  if (!isRecord(value)) return [];
  // Lists, as `kubectl get -o yaml` prints them, are read item by item.
  if (value['kind'] === 'List') throw malformed(name, 'is a List; give its items as documents of their own');
  const kind = textOf(value['kind']) ?? '';
  const path = Object.hasOwn(POD_PATHS, kind) ? POD_PATHS[kind] : undefined;
  if (path === undefined) return [];
  const outer = metadataOf(value);
  const pod = path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value);
  if (!isRecord(pod)) throw malformed(name, `${kind} has no ${path.join('.')}`);
  const spec = pod['spec'];
  const runtimeClass = isRecord(spec) ? spec['runtimeClassName'] : undefined;
  return [
    {
      where: `${kind} ${textOf(outer['name']) ?? '(without a name)'}`,
      document,
      metadata: [...path, 'metadata'],
      annotations: annotationsIn(metadataOf(pod)),
      outer: path.length === 0 ? {} : annotationsIn(outer),
      runtimeClass: typeof runtimeClass === 'string' ? runtimeClass : undefined,
    },
  ];
}

function toPlain(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch {
    throw malformed(name, 'has too many aliases');
  }
}

function metadataOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const metadata = value['metadata'];
  return isRecord(metadata) ? metadata : {};
}

function annotationsIn(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const annotations = metadata['annotations'];
  return isRecord(annotations) ? annotations : {};
}

/** What is no text is no name: an object of a manifest may have anything in it. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(name: string, why: string): CliError {
  return new CliError(`${name}: ${why}`, EXIT.malformed, {
    hint: 'a manifest of a pod, or of what makes pods, is wanted',
  });
}
