// Finds the pages: from the dashboard along every link within the company, one of each route of src/web/mod.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { paths } from './words.mjs';

/** The pages there are, as the program's own table lists them, each from the server's root. */
const table = (() => {
  const source = readFileSync(new URL('../../src/web/mod.rs', import.meta.url), 'utf8');
  const read = (word) => [...source.matchAll(new RegExp(`\\b${word}\\(\\s*M::GET,\\s*"([^"]+)"`, 'g'))].map(([, path]) => path);
  return { open: read('open'), inside: read('page').map((path) => `/{company}${path}`.replace(/\/$/, '')) };
})();
assert.ok(table.open.length > 5 && table.inside.length > 50, 'the table of pages could not be read');

/** "/acme-corp/default/projects/shop" → "/{company}/{space}/projects/{project}"; the one whose literals come first. */
export function routeOf(path, routes = table.inside) {
  const parts = path.split('/').filter(Boolean);
  let best = null;
  for (const route of routes) {
    const wanted = route.split('/').filter(Boolean);
    if (wanted.length !== parts.length) continue;
    if (!wanted.every((part, i) => part.startsWith('{') || part.toLowerCase() === parts[i].toLowerCase())) continue;
    const score = wanted.map((part) => (part.startsWith('{') ? '0' : '1')).join('');
    if (!best || score > best.score) best = { route, score };
  }
  return best?.route ?? null;
}

/** The pages of the operator's own compartment; in no other company are they. */
const operators = (route) => route.startsWith('/{company}/companies');

/** Pages that are there only for who was interrupted; kept.mjs goes there. */
const passing = (route) => route.endsWith('/me/typed/{mark}');

/** One address of each page that a signed-in person has, in the order found. Fails if one cannot be reached. */
export async function crawl(run) {
  if (run.pages) return run.pages;
  const { company } = run.demo;
  await fillIn(run);
  const inside = await walk(run, company, [`/${company}`, ...paths.unlinked(company)], (route) => !operators(route));
  const beside = await walk(run, 'operator', ['/operator'], operators);
  run.pages = [...inside, ...beside.filter(({ kind }) => operators(kind)).map((page) => ({ ...page, by: 'operator' }))];
  return run.pages;
}

/** From `waiting` along every link within the company, until each route that is `wanted` was seen. */
async function walk(run, company, waiting, wanted) {
  const { address } = run.demo;
  const context = await run.signedIn({ javaScriptEnabled: false }, company === 'operator' ? await run.operator() : run.person);
  const page = await context.newPage();
  const reached = new Set();
  const visited = new Set();
  const kinds = new Map();
  const known = new Set(waiting.map((path) => routeOf(path)));
  const others = new Set(); // of kinds that were seen already: looked at only while something is missing
  const missing = () => table.inside.filter((route) => wanted(route) && !passing(route) && !reached.has(route));
  for (let left = 250; left > 0; left--) {
    const path = waiting.shift() ?? (missing().length ? [...others].find((other) => !visited.has(other)) : null);
    if (!path) break;
    visited.add(path);
    const answer = await page.goto(address + path).catch((error) => ({ error }));
    // A file to be saved is not a page, but a link led to it.
    if (answer.error && /Download is starting|ERR_ABORTED/.test(answer.error.message)) {
      reached.add(routeOf(path));
      continue;
    }
    if (answer.error) throw answer.error;
    if (!(answer.headers()['content-type'] ?? '').startsWith('text/html')) continue;
    assert.equal(answer.status(), 200, path);
    reached.add(routeOf(path));
    const arrived = new URL(page.url()).pathname;
    const kind = routeOf(arrived);
    reached.add(kind);
    if (!kinds.has(kind)) kinds.set(kind, arrived);
    const links = await page.locator('a[href]:not([download])').evaluateAll((all) => all.map((a) => a.href));
    for (const link of links) {
      const url = new URL(link);
      if (url.origin !== address || !`${url.pathname}/`.startsWith(`/${company}/`)) continue;
      const next = routeOf(url.pathname);
      if (!next) continue;
      if (known.has(next)) {
        others.add(url.pathname);
        continue;
      }
      known.add(next);
      waiting.push(url.pathname);
    }
  }
  await context.close();
  run.takeFaults(); // pages.mjs looks for them page by page
  assert.deepEqual(missing(), [], 'pages of src/web/mod.rs to which no link leads');
  return [...kinds].map(([kind, path]) => ({ kind, path }));
}

/** The pages of those who are not signed in, as the table lists them. */
export const openRoutes = () => table.open;

export const createForms = (pages) => pages.filter(({ path }) => paths.create.test(path));

/** Makes, by the API, what the demo does not have and what a page stands for. */
async function fillIn(run) {
  if (run.filledIn) return;
  run.filledIn = true;
  const account = await run.api('POST', '/Spaces-1/accounts', {
    AccountType: 'UsernamePassword', Name: 'deploy', Username: 'deploy', Password: { HasValue: true, NewValue: 'correct horse' },
  });
  await run.api('POST', '/Spaces-1/machines', {
    Name: 'web-01', Roles: ['web'], EnvironmentIds: ['Environments-1'], TenantedDeploymentParticipation: 'TenantedOrUntenanted',
    Endpoint: {
      CommunicationStyle: 'Ssh', Host: '127.0.0.1', Port: 9, AccountId: account.Id,
      Fingerprint: `SHA256:${'u6b'.repeat(14)}A`,
    },
  });
  await run.api('POST', '/Spaces-1/runbook-runs/create/v1', {
    ProjectName: 'Shop', RunbookName: 'Show disk use', EnvironmentNames: ['Development'], Tenants: ['Contoso'],
  });
  const robot = await run.api('POST', '/users', { DisplayName: 'Build server', Username: 'build', IsService: true });
  await run.api('POST', `/users/${robot.Id}/apikeys`, { Purpose: 'CI' });
  await run.api('POST', `/serviceaccounts/${robot.Id}/oidcidentities/create/v1`, {
    Name: 'Main branch', Issuer: 'https://ci.example.com', Subject: 'repo:acme/shop:ref:refs/heads/main',
  });
  await run.api('POST', '/users', { DisplayName: 'Nora New', Username: 'nora', EmailAddress: 'nora@acme.test', Password: 'lantern copper seven boats' });
  const team = await run.api('POST', '/teams', { Name: 'Release managers' });
  const roles = await run.api('GET', '/userroles/all');
  const role = roles.find(({ Name }) => /deployer/i.test(Name)) ?? roles[0];
  await run.api('POST', '/scopeduserroles', { TeamId: team.Id, UserRoleId: role.Id, SpaceId: 'Spaces-1' });
  const me = await run.api('GET', '/users/me');
  const forEmergencies = await run.api('POST', '/teams', { Name: 'On call', MemberUserIds: [me.Id] });
  await run.api('PUT', `/teams/${forEmergencies.Id}`, { ...forEmergencies, EmergencyHours: 2 });
}
