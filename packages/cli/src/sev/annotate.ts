import { type CommonFlags, outputOf } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { annotationsOf, faultOfUri, lintAnnotations } from './annotations.js';
import { annotate, readManifest } from './manifest.js';

export interface AnnotateFlags extends CommonFlags {
  readonly uri: string;
  readonly policy: string;
  readonly es?: boolean;
  readonly off?: boolean;
  readonly file?: string;
}

/** `assay sev annotate`: the three annotations, alone or in a manifest. */
export function annotateManifest(flags: AnnotateFlags): void {
  const fault = faultOfUri(flags.uri);
  if (fault !== undefined) throw new CliError(`--uri ${flags.uri}: ${fault}`, EXIT.usage);
  if (!/^\d{1,10}$/.test(flags.policy))
    throw new CliError(`--policy ${flags.policy}: a decimal number is due`, EXIT.usage);
  const policy = Number(flags.policy) + (flags.es === true && (Number(flags.policy) & 4) === 0 ? 4 : 0);
  const annotations = annotationsOf({ enabled: flags.off !== true, uri: flags.uri, policy });
  const wrong = lintAnnotations(annotations, 'pod').findings.find(({ outcome }) => outcome === 'fail');
  if (wrong !== undefined)
    throw new CliError(wrong.title ?? wrong.id, EXIT.refused, {
      ...(wrong.remedy === undefined ? {} : { hint: wrong.remedy }),
    });
  const output = outputOf(flags);
  if (flags.file === undefined) {
    const lines = Object.entries(annotations).map(([name, value]) => `  ${name}: "${value}"\n`);
    output.result({ annotations }, (out) => out.write(`annotations:\n${lines.join('')}`));
    return;
  }
  const manifest = readManifest(readInput(flags.file).toString('utf8'), flags.file);
  const text = annotate(manifest, annotations);
  output.result({ annotations, pods: manifest.pods.map(({ where }) => where), manifest: text }, (out) =>
    out.write(text),
  );
}
