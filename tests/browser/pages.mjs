// Every page of the table of routes, at two widths and in two themes: photographed into out/, and without fault:
// axe, console, content policy, other origins, and nothing wider than the telephone.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crawl, openRoutes } from './crawl.mjs';
import { Person } from './person.mjs';

const widths = [1440, 390];
const themes = ['light', 'dark'];

export default async function pages(run) {
  const { address, company } = run.demo;
  let all = [];
  await run.test('every page of the table of routes is reached by links', null, async () => {
    all = (await crawl(run)).map((page) => ({ ...page, status: 200 }));
  });
  await run.test('and those before the sign-in', null, async () => {
    all.push(...(await outside(run)));
  });
  all.push({ kind: 'nowhere', path: `/${company}/nowhere`, status: 404 }, { kind: 'outside-nowhere', path: '/setup/nothing', status: 404, cookies: [] });

  const open = [];
  for (const width of widths) {
    const viewport = { width, height: width < 500 ? 844 : 900 };
    const inside = await (await run.signedIn({ viewport, reducedMotion: 'reduce' })).newPage();
    const outside = await (await run.window({ viewport, reducedMotion: 'reduce' })).newPage();
    const operator = await (await run.signedIn({ viewport, reducedMotion: 'reduce' }, await run.operator())).newPage();
    open.push({ width, inside, outside, operator });
  }

  const rows = [];
  for (const { kind, path, status, cookies, by } of all) {
    if (kind.endsWith('/app')) continue; // goes on by itself, see below
    const row = { path: kind, photos: [] };
    rows.push(row);
    await run.test(kind, null, async () => {
      const faults = [];
      const look = async ({ width, inside, outside, operator }) => {
        const page = cookies ? outside : by ? operator : inside;
        if (cookies) await page.context().clearCookies();
        if (cookies?.length) await page.context().addCookies(cookies);
        const answer = await page.goto(new URL(path, address).href, { waitUntil: 'load' });
        if (answer.status() !== status) faults.push(`${width}: status ${answer.status()} in place of ${status}`);
        for (const theme of themes) {
          const where = `${width} ${theme}`;
          await page.emulateMedia({ colorScheme: theme });
          faults.push(...(await run.violations(page)).map((v) => `${where}: ${v}`));
          const over = await page.evaluate(widerThanTheWindow);
          if (over) faults.push(`${where}: ${over}`);
          const photo = `${nameOf(kind)}-${width}-${theme}.png`;
          row.photos.push(photo);
          const seen = run.takeFaults();
          await page.screenshot({ path: join(run.out, photo), fullPage: true });
          run.takeFaults(); // the photographer's own style sheet is against the content policy
          faults.push(...seen.map((fault) => `${where}: ${fault}`));
        }
      };
      for (const view of open) await look(view);
      if (faults.length) assert.fail(`${faults.length} faults\n${faults.slice(0, 20).join('\n')}`);
    });
  }
  writeFileSync(join(run.out, 'index.html'), contactSheet(rows));

  const { inside } = open[0];
  await run.test('an address that clients print leads on to its page', inside, async () => {
    await inside.goto(`${address}/${company}/app#/Spaces-1/projects/Projects-1`);
    await inside.waitForURL(/\/projects\/[a-z-]+$/);
  });
  for (const { inside, outside, operator } of open) {
    await inside.context().close();
    await operator.context().close();
    await outside.context().close();
  }
}

const nameOf = (kind) => kind.replace(/[{}]/g, '').replace(/\/+/g, '_').replace(/^_/, '').replace(/[^\w.-]/g, '') || 'root';

/** The pages of those who are not signed in: one address of each, with the cookies that lead there. */
async function outside(run) {
  const { address, company } = run.demo;
  const invited = await run.api('POST', '/users/invitations', { DisplayName: 'Ida Invited', EmailAddress: 'ida@acme.test' });
  const open = await run.api('POST', '/users/invitations', {});
  const reset = await run.command(['user', 'reset-password', company, 'nora@acme.test']);
  const halfway = async (person) => {
    const context = await run.window();
    await person.givePassword(await context.newPage());
    const { cookies } = await context.storageState();
    await context.close();
    return cookies;
  };
  const nora = new Person({ ...run.demo, email: 'nora@acme.test', password: 'lantern copper seven boats' });
  if (!run.person.telephone) await (await run.signedIn()).close();
  const found = {
    '/': { path: '/' },
    '/login': { path: '/login' },
    '/{company}/login': { path: `/${company}/login` },
    '/forgot': { path: '/forgot' },
    '/{company}/forgot': { path: `/${company}/forgot` },
    '/{company}/reset': { path: reset.match(/\S*\/reset\S+/)[0] },
    '/{company}/passkey': { path: `/${company}/passkey` },
    '/{company}/code': { path: `/${company}/code`, cookies: await halfway(run.person) },
    '/{company}/enrol': { path: `/${company}/enrol`, cookies: await halfway(nora) },
    '/{company}/invitation/{token}': { path: new URL(invited.Links.Web, address).pathname },
    '/{company}/register/{token}': { path: `/${company}/register/${open.InvitationCode}` },
    '/setup/{token}': { path: await run.firstStart() },
  };
  assert.deepEqual(Object.keys(found).sort(), openRoutes().filter((path) => !/\.(css|png)$/.test(path)).sort(), 'the table of open routes');
  return Object.entries(found).map(([kind, page]) => ({ kind, status: 200, cookies: [], ...page }));
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
