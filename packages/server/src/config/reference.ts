import { listSettings, sectionDescriptions } from './settings-list.js';

/** `docs/reference/configuration.md`, made from the schema; a test compares the committed page with it. */
export function renderConfigurationReference(): string {
  const lines: string[] = [
    '# Configuration',
    '',
    'Made from the schema in `packages/server/src/config/schema.ts` by `npm run docs`; do not edit.',
    '',
    'Settings come from a TOML file (`assay serve --config FILE`), from `ASSAY_*` environment variables, and from flags; later ones win.',
    'A Trustee KBS configuration file (TOML, YAML or JSON) is read as it stands; every setting in it that has no effect here is named at start.',
    'In environment variables lists are comma-separated, and lists of tables are JSON.',
    '',
  ];
  let section = '';
  const descriptions = sectionDescriptions();
  for (const setting of listSettings()) {
    if (setting.section !== section) {
      section = setting.section;
      lines.push(`## \`${section}\``, '', descriptions.get(section) ?? '', '');
      lines.push('| setting | type | default | meaning |', '| --- | --- | --- | --- |');
    }
    const fallback = setting.default === undefined ? '–' : `\`${JSON.stringify(setting.default)}\``;
    const type = setting.type.replaceAll('|', '\\|');
    lines.push(`| \`${setting.name}\`<br>\`${setting.env}\` | ${type} | ${fallback} | ${setting.description} |`);
    if (isLastOfSection(setting.name)) lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function isLastOfSection(name: string): boolean {
  const all = listSettings();
  const index = all.findIndex((s) => s.name === name);
  return all[index]?.section !== all[index + 1]?.section;
}
