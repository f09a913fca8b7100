import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import type { Settings } from './config/schema.js';

/**
 * The log: JSON lines on standard error. What could carry a secret is never handed to it; the redaction is the second
 * lock, for a field that slips into an object some day.
 */
export function createLogger(
  settings: Settings['log'],
  stream: NodeJS.WritableStream = process.stderr,
): FastifyBaseLogger {
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: summary, cause: summary },
      redact: {
        paths: ['*.token', '*.cookie', '*.authorization', '*.secret', '*.password', '*.privateKey', 'token', 'cookie'],
        censor: '[redacted]',
      },
    },
    stream,
  );
}

/** Of an error what an operator needs; its findings stand in the audit, under the attempt that the line names. */
function summary(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, code } = pino.stdSerializers.err(error);
  return { type, message, code, stack };
}
