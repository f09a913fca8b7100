import type { Route } from '../routes/route.js';

/**
 * `/api/docs`: the route table as one static page. No script, no request to anywhere: it can be read under a content
 * security policy that allows nothing.
 */
export function apiPage(routes: readonly Route[], version: string): string {
  const tags = [...new Set(routes.map((route) => route.tag))];
  return page(
    'Assay API',
    `<h1>Assay API <small>${escapeHtml(version)}</small></h1>
<p>Machine-readable: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).</p>
${tags
  .map((tag) =>
    section(
      tag,
      routes.filter((route) => route.tag === tag),
    ),
  )
  .join('\n')}`,
  );
}

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
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 small { font-weight: normal; font-size: 1rem; opacity: .7; }
h2 { border-bottom: 1px solid; padding-bottom: .2rem; margin-top: 2.5rem; }
article { margin: 1.25rem 0; }
h3 { font: 600 1rem/1.4 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
code { font-family: ui-monospace, monospace; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
.who { font-size: .875rem; opacity: .75; }
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

function section(tag: string, routes: readonly Route[]): string {
  return `<section>
<h2>${escapeHtml(tag)}</h2>
${routes.map(article).join('\n')}
</section>`;
}

function article(route: Route): string {
  const query = Object.entries(route.request?.query ?? {}).map(
    ([name, { description }]) => `<li><code>${escapeHtml(name)}</code> ${escapeHtml(description)}</li>`,
  );
  const answers = Object.entries(route.responses).map(
    ([status, shape]) => `<li><code>${status}</code> ${escapeHtml(withoutTicks(shape.description))}</li>`,
  );
  return `<article id="${escapeHtml(route.id)}">
<h3>${escapeHtml(route.methods.join(' | '))} ${escapeHtml(route.path)}</h3>
<p>${escapeHtml(withoutTicks(route.summary))}</p>
<p class="who">For ${audience[route.access]}.</p>
${query.length === 0 ? '' : `<p>Query:</p><ul>${query.join('')}</ul>`}
<p>Answers:</p><ul>${answers.join('')}</ul>
</article>`;
}

function withoutTicks(text: string): string {
  return text.replaceAll('`', '');
}
