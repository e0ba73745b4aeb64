// Finds the pages: from the dashboard along every link within the company, one of each kind.

import { paths } from './words.mjs';

/** Addresses of one page of each kind, below the server's address, in the order found. */
export async function crawl(run) {
  if (run.pages) return run.pages;
  const { address, company } = run.demo;
  const context = await run.signedIn({ javaScriptEnabled: false });
  const page = await context.newPage();
  const kinds = new Map();
  const waiting = [paths.home(company)];
  const known = new Set(waiting);
  while (waiting.length) {
    const path = waiting.shift();
    const answer = await page.goto(address + path).catch((error) => ({ error }));
    if (answer.error) {
      // A file to be saved is not a page.
      if (/Download is starting|ERR_ABORTED/.test(answer.error.message)) continue;
      throw answer.error;
    }
    if (!(answer.headers()['content-type'] ?? '').startsWith('text/html')) continue;
    const arrived = new URL(page.url()).pathname;
    const kind = kindOf(arrived, company);
    if (!kinds.has(kind)) kinds.set(kind, arrived);
    const links = await page.locator('a[href]:not([download])').evaluateAll((all) => all.map((a) => a.href));
    for (const link of links) {
      const url = new URL(link);
      if (url.origin !== address || paths.notPages.test(url.pathname)) continue;
      if (url.pathname !== `/${company}` && !url.pathname.startsWith(`/${company}/`)) continue;
      const next = kindOf(url.pathname, company);
      if (known.has(next)) continue;
      known.add(next);
      waiting.push(url.pathname);
    }
  }
  await context.close();
  run.takeFaults(); // pages.mjs looks for them page by page
  run.pages = [...kinds].map(([kind, path]) => ({ kind, path }));
  return run.pages;
}

/** "/acme-corp/default/projects/shop/releases/1.2.0" → "{company}/{space}/projects/{}/releases/{}" */
export function kindOf(path, company) {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  return parts
    .map((part, i) => {
      if (i === 0 && part === company) return '{company}';
      if (i === 1 && !paths.collections.has(part) && !['access', 'settings', 'me', 'help', 'search'].includes(part)) return '{space}';
      if (i > 0 && paths.collections.has(parts[i - 1]) && !paths.verbs.has(part)) return '{}';
      return part;
    })
    .join('/');
}

export const createForms = (pages) => pages.filter(({ path }) => paths.create.test(path));
