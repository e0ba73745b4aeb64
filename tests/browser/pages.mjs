// Every kind of page, at two widths and in two themes: photographed into out/, and without fault:
// axe, console, content policy, other origins, and nothing wider than the telephone.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crawl } from './crawl.mjs';
import { paths } from './words.mjs';

const views = [1440, 390].flatMap((width) => ['light', 'dark'].map((theme) => ({ width, theme })));

export default async function pages(run) {
  const { address, company } = run.demo;
  let found = [];
  await run.test('the pages are found', null, async () => {
    found = await crawl(run);
    assert.ok(found.length >= 10, `only ${found.length} kinds of page were found: ${found.map((p) => p.kind).join(', ')}`);
  });
  if (!found.length) return;

  const open = [];
  for (const view of views) {
    const options = { viewport: { width: view.width, height: view.width < 500 ? 844 : 900 }, colorScheme: view.theme };
    const inside = await (await run.signedIn(options)).newPage();
    const outside = await (await run.window(options)).newPage();
    open.push({ ...view, inside, outside });
  }

  const rows = [];
  const all = [
    ...found.map((page) => ({ ...page, status: 200 })),
    { kind: '{company}/nowhere', path: `/${company}/nowhere`, status: 404 },
    { kind: 'login', path: paths.login, status: 200, outside: true },
    { kind: '{company}/login', path: `/${company}/login`, status: 200, outside: true },
    { kind: 'outside-nowhere', path: '/no-such-company/x', status: 404, outside: true },
  ];
  for (const { kind, path, status, outside } of all) {
    const row = { path, photos: [] };
    rows.push(row);
    let current = open[0].inside;
    await run.test(path, null, async () => {
      const faults = [];
      for (const view of open) {
        current = outside ? view.outside : view.inside;
        const where = `${view.width} ${view.theme}`;
        const answer = await current.goto(address + path, { waitUntil: 'load' });
        if (answer.status() !== status) faults.push(`${where}: status ${answer.status()} in place of ${status}`);
        faults.push(...(await run.violations(current)).map((v) => `${where}: ${v}`));
        const over = await current.evaluate(widerThanTheWindow);
        if (over) faults.push(`${where}: ${over}`);
        faults.push(...run.takeFaults().map((fault) => `${where}: ${fault}`));
        const photo = `${kind.replace(/[{}]/g, '').replace(/\/+/g, '_').replace(/[^\w.-]/g, '') || 'root'}-${view.width}-${view.theme}.png`;
        row.photos.push(photo);
        await current.screenshot({ path: join(run.out, photo), fullPage: true });
        run.takeFaults(); // the photographer's own style sheet is against the content policy
      }
      if (faults.length) assert.fail(`${faults.length} faults\n${faults.slice(0, 20).join('\n')}`);
    });
  }
  writeFileSync(join(run.out, 'index.html'), contactSheet(rows));
  for (const { inside, outside } of open) {
    await inside.context().close();
    await outside.context().close();
  }
}

/** Runs in the page. Says what sticks out, or nothing. */
function widerThanTheWindow() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return null;
  const widest = [...document.body.querySelectorAll('*')]
    .map((element) => ({ element, right: Math.round(element.getBoundingClientRect().right) }))
    .sort((a, b) => b.right - a.right)[0];
  const { tagName, id, className } = widest?.element ?? {};
  return `the page is ${document.documentElement.scrollWidth} px wide in a window of ${width}; furthest out: ${tagName?.toLowerCase()}${id ? `#${id}` : ''}${className ? `.${className}` : ''} at ${widest?.right}`;
}

/** All photographs on one page, to be looked at. */
function contactSheet(rows) {
  const cells = rows.map(({ path, photos }) => `<h2>${path}</h2><p>${photos.map((p) => `<a href="${p}"><img src="${p}" height="420" loading="lazy" alt="${p}"></a>`).join(' ')}</p>`);
  return `<!doctype html><meta charset="utf-8"><title>Every page</title><style>body{font:14px system-ui}img{border:1px solid #999}</style>${cells.join('\n')}\n`;
}
