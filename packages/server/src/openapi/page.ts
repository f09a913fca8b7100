import type { Route } from '../routes/route.js';

/**
 * `/api/docs`: the route table as one static page. No script, no request to anywhere: it can be read under a content
 * security policy that allows nothing.
 */
export function apiPage(routes: readonly Route[], version: string): string {
  const shown = order.filter((tag) => routes.some((route) => route.tag === tag));
  return page(
    'Assay API',
    `<p class="up"><a href="/">Assay</a></p>
<h1>API <small>${escapeHtml(version)}</small></h1>
<p>Machine-readable: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).</p>
<nav>${shown.map((tag) => `<a href="#${tag}">${headings[tag]}</a>`).join('')}</nav>
${shown
  .map((tag) =>
    section(
      tag,
      routes.filter((route) => route.tag === tag),
    ),
  )
  .join('\n')}`,
  );
}

/** Sections in the order in which readers look for them. */
const order = ['kbs', 'admin', 'attestation-service', 'operations'] as const satisfies readonly Route['tag'][];

const headings: Readonly<Record<Route['tag'], string>> = {
  kbs: 'Key Broker Service',
  admin: 'Administration',
  'attestation-service': 'Attestation Service',
  operations: 'Operations',
};

/** An HTML page in the house's plain style. `body` is markup. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** The only style of these pages; its hash stands in their content security policy. */
export const style = `
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --accent: #0a66c2; }
@media (prefers-color-scheme: dark) { :root { --quiet: #999; --accent: #6cb2ff; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem; }
a { color: var(--accent); }
h1 { margin: .25rem 0 .5rem; }
h1 small { font-weight: normal; font-size: 1rem; color: var(--quiet); }
h2 { border-bottom: 1px solid var(--line); padding-bottom: .25rem; margin: 2.5rem 0 .5rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0; }
article { padding: .75rem 0; border-bottom: 1px solid var(--line); }
article:target { border-left: 3px solid var(--accent); padding-left: .75rem; }
h3 { font: 600 .9375rem/1.4 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
h3 b { color: var(--accent); }
p { margin: .25rem 0; }
code { font-family: ui-monospace, monospace; font-size: .9375em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .75rem; margin: .25rem 0; font-size: .875rem; }
dt { font-family: ui-monospace, monospace; }
dd { margin: 0; }
ul { margin: .75rem 0; padding-left: 1.25rem; }
.who, .up { font-size: .875rem; color: var(--quiet); }
`;

/** Text made safe inside HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const audience: Readonly<Record<Route['access'], string>> = {
  public: 'anybody',
  session: 'the guest that holds the session cookie',
  plugin: 'an attested guest, or an administrator, as the plug-in says',
  admin: 'administrators',
};

function section(tag: Route['tag'], routes: readonly Route[]): string {
  return `<section id="${tag}">
<h2>${headings[tag]}</h2>
${routes.map(article).join('\n')}
</section>`;
}

function article(route: Route): string {
  const query = Object.entries(route.request?.query ?? {}).map(
    ([name, { description }]) => [`?${name}`, description] as const,
  );
  // Statuses that mean the same stand in one line.
  const byMeaning = new Map<string, string[]>();
  for (const [status, { description }] of Object.entries(route.responses))
    byMeaning.set(description, [...(byMeaning.get(description) ?? []), status]);
  const answers = [...byMeaning].map(([description, statuses]) => [statuses.join(' '), description] as const);
  const body = route.request?.raw === undefined ? [] : [['body', route.request.raw] as const];
  return `<article id="${escapeHtml(route.id)}">
<h3><b>${escapeHtml(route.methods.join(' '))}</b> ${escapeHtml(route.path)}</h3>
<p>${escapeHtml(withoutTicks(route.summary))}</p>
<p class="who">For ${audience[route.access]}.</p>
<dl>${[...body, ...query, ...answers].map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(withoutTicks(text))}</dd>`).join('')}</dl>
</article>`;
}

function withoutTicks(text: string): string {
  return text.replaceAll('`', '');
}
