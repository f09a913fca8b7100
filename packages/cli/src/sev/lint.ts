import { assembleVerdict, type FindingDraft, passed, warned } from '@assay/bytes/findings';
import { type CommonFlags, outputOf } from '../command.js';
import { EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { styled } from '../terminal/style.js';
import { ANNOTATIONS, lintAnnotations, type ResolvedSev } from './annotations.js';
import { type PodInManifest, readManifest } from './manifest.js';

/** `assay sev lint FILE`. */
export function lintFile(file: string, flags: CommonFlags): void {
  const { pods } = readManifest(readInput(file).toString('utf8'), file);
  const linted = pods.map((pod) => ({ pod, ...lintAnnotations(pod.annotations, pod.where) }));
  const findings = linted.flatMap(({ pod, findings: own, resolved }) => [...own, ...around(pod, resolved)]);
  const verdict = assembleVerdict({ kind: 'sev annotations', at: new Date(), asked: false, findings });
  const refused = findings.some(({ outcome }) => outcome === 'fail');
  const result = {
    file,
    ok: !refused,
    pods: linted.map(({ pod, resolved }) => ({ pod: pod.where, runtime_class: pod.runtimeClass ?? null, ...resolved })),
    findings: verdict.findings,
  };
  const output = outputOf(flags);
  output.result(result, (out) => {
    for (const { pod, resolved } of linted) out.write(`${pod.where}: ${inWords(resolved)}\n`);
    for (const { id, outcome, title, remedy } of findings) {
      if (outcome === 'pass') continue;
      out.write(`${styled(out, outcome === 'fail' ? 'red' : 'yellow', outcome)}  ${id}  ${title ?? ''}\n`);
      if (remedy !== undefined) out.write(`      ${styled(out, 'cyan', 'do')} ${remedy}\n`);
    }
  });
  if (refused) process.exitCode = EXIT.refused;
}

/** What stands beside the annotations and decides whether they have an effect. */
function around({ where, outer, runtimeClass }: PodInManifest, resolved: ResolvedSev): FindingDraft[] {
  const names: readonly string[] = Object.values(ANNOTATIONS);
  const misplaced = Object.keys(outer)
    .filter((name) => names.includes(name))
    .map((name) =>
      warned('sev.annotation.place', {
        subject: where,
        params: { name, expected: 'spec.template.metadata.annotations' },
        actual: name,
        source: 'Kubernetes: annotations of an object do not reach the pods that it makes',
      }),
    );
  if (Object.keys(resolved).length === 0) return misplaced;
  const subject = `${where} runtimeClassName`;
  const fits = runtimeClass !== undefined && /sev/.test(runtimeClass);
  if (fits) return [...misplaced, passed('sev.annotation.class', subject, runtimeClass)];
  return [
    ...misplaced,
    warned('sev.annotation.class', {
      subject,
      params: { actual: runtimeClass ?? 'absent' },
      expected: 'kata-qemu-sev',
      actual: runtimeClass ?? null,
      source: 'Confidential Containers operator: runtime classes',
    }),
  ];
}

function inWords({ enabled, uri, policy }: ResolvedSev): string {
  const words = [
    enabled === undefined ? undefined : `pre-attestation ${enabled ? 'on' : 'off'}`,
    uri === undefined ? undefined : `key broker ${uri}`,
    policy === undefined ? undefined : `policy ${policy.value} (${policy.names.join(', ') || 'no bit set'})`,
  ].filter((word) => word !== undefined);
  return words.length === 0 ? 'no SEV annotations; Kata’s own configuration decides' : words.join(', ');
}
