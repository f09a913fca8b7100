import { type AssayError, assayError } from '@assay/bytes/findings';

/** A wrong argument: a defect of the caller, since input from outside is checked before it comes here. */
export function wrongArgument(namespace: string, what: string, actual: string, expected: string): AssayError {
  return assayError('storage.key.form', { params: { namespace, what, actual, expected }, expected, actual });
}

export function storageClosed(backend: string, address: string): AssayError {
  return assayError('storage.backend.answers', { params: { backend, address, reason: 'closed' }, retry: 'never' });
}

export function notAnswering(backend: string, address: string, reason: string, cause?: unknown): AssayError {
  return assayError('storage.backend.answers', { params: { backend, address, reason }, cause });
}

export function notWritable(path: string, errno: string, cause?: unknown, remedy?: string): AssayError {
  return assayError('storage.write.possible', {
    params: { path, errno },
    cause,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/** The data cannot be used as they are; `remedy` says what brings them back. */
export function damaged(namespace: string, key: string, remedy: string, cause?: unknown): AssayError {
  return assayError('storage.record.intact', { params: { namespace, key }, remedy, cause });
}
