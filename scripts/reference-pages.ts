import { renderReference } from '@assay/bytes/findings';
import { createMetrics, renderApiReference, renderConfigurationReference } from '@assay/server';
import { renderCommandReference } from '../packages/cli/src/reference.js';

/** Reference pages by path from the root of the repository. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/reference/findings.md', renderReference()],
    ['docs/reference/configuration.md', renderConfigurationReference()],
    ['docs/reference/http-api.md', renderApiReference()],
    ['docs/reference/metrics.md', renderMetricsReference()],
    ['docs/reference/commands.md', renderCommandReference()],
  ]);
}

function renderMetricsReference(): string {
  const series = createMetrics({ version: '0' }).described.map(({ name, help }) => `| \`${name}\` | ${help} |`);
  return `# Metrics

Made from \`packages/server/src/metrics/metrics.ts\` by \`npm run docs\`; do not edit.

\`GET /metrics\`, Prometheus text format. Names are those of the Trustee KBS; resource paths are never labels.

| series | meaning |
| --- | --- |
${series.join('\n')}
`;
}
