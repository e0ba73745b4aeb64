// Long lists, long names and long versions: no page moves while it loads (findings C11), none is wider than its window, and
// no word stands over another (findings C9). In a space of its own, with 300 tenants and 31 of each other kind.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const widths = [1440, 390];
const version = (number) => `2.0.${number}-rc.1+build.20261129.f81d4fae7dec`;
const words = 'The customer portal and its nightly jobs for the northern branch offices in the harbour district of town';
const oneWord = 'Beitragsabrechnungsgesellschaftsverwaltungsoberflaechenausgabeprogrammdienstleistungszentrumsleitung';
const most = 0.02;

export default async function steady(run) {
  const { address, company } = run.demo;
  let space = null;
  await run.test('a space with long lists, names and versions', null, async () => {
    space = await furnish(run);
  });
  if (!space) return;
  const home = `/${company}/${space.slug}`;
  const project = `${home}/projects/${space.project}`;
  const pages = {
    dashboard: home,
    projects: `${home}/projects`,
    project,
    releases: `${project}/releases`,
    release: `${project}/releases/${encodeURIComponent(version(31))}`,
    deploy: `${project}/releases/${encodeURIComponent(version(31))}/deployments/new?environment=${space.place}`,
    deployments: `${project}/deployments`,
    process: `${project}/process`,
    runbooks: `${project}/runbooks`,
    tenants: `${home}/tenants`,
    tenant: `${home}/tenants/${space.tenant}`,
    environments: `${home}/infrastructure/environments`,
    targets: `${home}/infrastructure/targets`,
    target: `${home}/infrastructure/targets/${space.target}`,
    lifecycles: `${home}/library/lifecycles`,
    groups: `${home}/library/project-groups`,
    tagsets: `${home}/library/tag-sets`,
    tasks: `/${company}/tasks?space=${space.slug}`,
    task: `/${company}/tasks/${space.task}`,
    trail: `/${company}/trail?space=${space.slug}`,
    people: `/${company}/access/people`,
    teams: `/${company}/access/teams`,
  };
  for (const width of widths) {
    const context = await run.signedIn({ viewport: { width, height: width < 500 ? 844 : 900 }, reducedMotion: 'reduce' });
    await context.addInitScript(watchTheLayout);
    const page = await context.newPage();
    for (const [name, path] of Object.entries(pages)) {
      await run.test(`${name} at ${width} px stands still and keeps to its window`, page, async () => {
        const answer = await page.goto(address + path, { waitUntil: 'load' });
        assert.equal(answer.status(), 200, path);
        await sleep(250);
        const { moved, by } = await page.evaluate(() => window.moved);
        assert.ok(await page.evaluate(() => PerformanceObserver.supportedEntryTypes.includes('layout-shift')), 'it is watched');
        const wrong = await page.evaluate(sticksOut);
        for (const theme of ['light', 'dark']) {
          if (theme === 'dark' && !process.env.PICTURES) continue;
          await page.emulateMedia({ colorScheme: theme });
          const seen = run.takeFaults();
          if (process.env.PICTURES) await page.screenshot({ path: join(run.out, `steady-${name}-${width}-${theme}.png`), fullPage: false });
          run.takeFaults();
          assert.deepEqual(seen, []);
        }
        assert.ok(moved <= most, `it moved by ${moved.toFixed(3)}: ${by.join(', ')}`);
        assert.deepEqual(wrong, []);
      });
    }
    await context.close();
  }
  await run.test('and the space goes again', null, async () => {
    const made = await run.api('GET', `/spaces/${space.id}`);
    await run.api('PUT', `/spaces/${space.id}`, { ...made, TaskQueueStopped: true });
    await run.api('DELETE', `/spaces/${space.id}`);
  });
}

/** Everything of it, by the API. */
async function furnish(run) {
  const made = await run.api('POST', '/spaces', { Name: 'Steady', SpaceManagersTeamMembers: ['Users-1'] });
  const own = `/${made.Id}`;
  const make = (kind, body) => run.api('POST', `${own}/${kind}`, body);
  const places = [];
  for (const name of ['Development', words.slice(0, 60), 'Production']) places.push(await make('environments', { Name: name }));
  const [group] = (await run.api('GET', `${own}/projectgroups`)).Items;
  const [lifecycle] = (await run.api('GET', `${own}/lifecycles`)).Items;
  const projects = [];
  const many = (most, body) => Promise.all(Array.from({ length: 4 }, async (_, lane) => {
    for (let n = lane; n < most; n += 4) await body(n);
  }));
  const add = async (name) => projects.push(await make('projects', {
    Name: name, ProjectGroupId: group.Id, LifecycleId: lifecycle.Id, TenantedDeploymentMode: 'TenantedOrUntenanted',
  }));
  await add(words);
  await add(oneWord);
  await many(29, (n) => add(`Project ${n}`));
  const [project] = projects;
  const process = await run.api('GET', `${own}/projects/${project.Id}/deploymentprocesses`);
  const step = { Id: '', Name: words.slice(0, 90), Properties: {}, Actions: [{ Id: '', Name: 'Greet', ActionType: 'Octopus.Script', Properties: {
    'Octopus.Action.RunOnServer': 'True', 'Octopus.Action.Script.ScriptSource': 'Inline',
    'Octopus.Action.Script.Syntax': 'Bash', 'Octopus.Action.Script.ScriptBody': `echo ${oneWord}${oneWord}${oneWord}` } }] };
  await run.api('PUT', `${own}/projects/${project.Id}/deploymentprocesses`, { ...process, Steps: [step] });
  const releases = [];
  for (let n = 1; n <= 31; n += 1) {
    releases.push(await make('releases', { ProjectId: project.Id, Version: version(n), ReleaseNotes: `${oneWord} ${words}` }));
  }
  const tenants = [];
  const connected = { [project.Id]: places.map((place) => place.Id) };
  for (const name of [words, oneWord]) tenants.push(await make('tenants', { Name: name, ProjectEnvironments: connected }));
  await many(298, async (n) => tenants.push(await make('tenants', { Name: `Tenant ${n}`, ProjectEnvironments: n < 40 ? connected : {} })));
  const account = await make('accounts', { Name: words, AccountType: 'UsernamePassword', Username: 'deploy', Password: { HasValue: true, NewValue: 'secret' } });
  const machine = (name) => make('machines', {
    Name: name, EnvironmentIds: [places[0].Id], Roles: ['web-server-of-the-northern-branch', 'db'],
    Endpoint: { CommunicationStyle: 'Ssh', Host: `${oneWord.toLowerCase().slice(0, 60)}.invalid`, Port: 22, AccountId: account.Id, Fingerprint: `SHA256:${'A'.repeat(43)}` },
  });
  const target = await machine(oneWord);
  await machine(words);
  await many(29, (n) => machine(`Machine ${n}`));
  for (const kind of ['lifecycles', 'projectgroups', 'tagsets']) {
    await make(kind, { Name: oneWord });
    await many(30, (n) => make(kind, { Name: `One of many ${n}` }));
  }
  await many(31, (n) => make('runbooks', { Name: n ? `Runbook ${n}` : oneWord, ProjectId: project.Id }));
  let task = null;
  for (const release of releases.slice(-6)) {
    for (const tenant of [undefined, tenants[0].Id, tenants[1].Id]) {
      const sent = await make('deployments', { ReleaseId: release.Id, EnvironmentId: places[0].Id, TenantId: tenant });
      task = sent.TaskId;
    }
  }
  for (const until = Date.now() + 120_000; ;) {
    if ((await run.api('GET', `${own}/tasks?active=true`)).TotalResults === 0) break;
    assert.ok(Date.now() < until, 'the deployments do not end');
    await sleep(300);
  }
  return { id: made.Id, slug: made.Slug, project: project.Slug, tenant: tenants[0].Slug, target: target.Slug, place: places[0].Slug, task };
}

/** Runs in the page before all else. Adds up how far things were moved that nobody had touched. */
function watchTheLayout() {
  window.moved = { moved: 0, by: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      window.moved.moved += entry.value;
      for (const { node, previousRect: from, currentRect: to } of entry.sources) {
        const what = node?.nodeType === 1 ? `${node.tagName.toLowerCase()}.${node.className}` : node?.nodeName;
        window.moved.by.push(`${what} from ${Math.round(from.x)},${Math.round(from.y)} to ${Math.round(to.x)},${Math.round(to.y)}`);
      }
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Runs in the page. What is wider than the window, and words that stand over what is beside them. */
function sticksOut() {
  const wrong = [];
  const { scrollWidth } = document.scrollingElement;
  if (scrollWidth > window.innerWidth) wrong.push(`the page is ${scrollWidth} px wide in a window of ${window.innerWidth}`);
  const name = (element) => `${element.tagName.toLowerCase()}${element.className ? `.${String(element.className).replace(/ /g, '.')}` : ''} “${element.textContent.trim().slice(0, 40)}”`;
  const boxes = 'main td, main th, main li, main dd, main dt, main .chip, main .button, h1, .crumbs li, nav a';
  for (const element of document.querySelectorAll(boxes)) {
    const style = getComputedStyle(element);
    if (style.display === 'none' || style.display === 'inline' || !element.checkVisibility()) continue;
    if (['hidden', 'auto', 'scroll', 'clip'].includes(style.overflowX)) continue;
    const inside = element.getBoundingClientRect();
    const range = document.createRange();
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const around = text.parentElement;
      if (!text.data.trim() || around.closest('.unseen, [hidden], details:not([open]) > :not(summary), [popover], .menu')) continue;
      let clipped = false;
      for (let up = around; up && up !== element; up = up.parentElement) clipped ||= getComputedStyle(up).overflowX !== 'visible' || ['absolute', 'fixed'].includes(getComputedStyle(up).position);
      if (clipped) continue;
      range.selectNodeContents(text);
      for (const rect of range.getClientRects()) {
        if (rect.width > 1 && (rect.right > inside.right + 1 || rect.left < inside.left - 1)) {
          wrong.push(`${name(element)} from ${Math.round(inside.left)} to ${Math.round(inside.right)} holds words up to ${Math.round(rect.right)}`);
          break;
        }
      }
    }
  }
  return [...new Set(wrong)].slice(0, 12);
}
