// The newcomer's path: what the README promises to somebody who has just started the demo.
// First with scripts, then without; each time from the sign-in page to the trail and out again.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Person, totp } from './person.mjs';
import { marks, paths, words } from './words.mjs';

export default async function newcomer(run) {
  await run.test('the telephone agrees with RFC 6238', null, async () => {
    const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    const expected = { 59: '287082', 1111111109: '081804', 1234567890: '005924', 20000000000: '353130' };
    for (const [time, code] of Object.entries(expected)) assert.equal(totp(secret, Number(time)), code);
  });

  for (const scripts of [true, false]) {
    const context = await run.window({ javaScriptEnabled: scripts });
    await path(run, await context.newPage(), scripts ? 'with scripts' : 'without scripts', scripts);
    await context.close();
  }
  await enrolsWithoutScripts(run);
}

async function path(run, page, how, scripts) {
  const { person } = run;
  const first = !person.telephone;
  const step = (name, body) => run.test(`${how}: ${name}`, page, body);

  if (!(await step(first ? 'signs in and enrols a telephone' : 'signs in with a code', () => person.signIn(page)))) return;
  if (first) await step('a code already used is refused, the next one is not', () => usedCode(run));

  const seen = {};
  const go =
    (await step('opens a project and its release', async () => {
      seen.project = await follow(page, marks.projectLink);
      seen.release = await follow(page, marks.releaseLink);
    })) &&
    (await step('chooses an environment and two tenants, and deploys', async () => {
      await page.getByRole('main').getByRole('link', { name: words.deploy }).or(page.getByRole('main').getByRole('button', { name: words.deploy })).first().click();
      // Without scripts the page is asked what a choice means, and then offers what can be done.
      const ask = async () => {
        if (!scripts) await page.getByRole('button', { name: words.preview }).click();
      };
      await choose(page, words.environment, 1);
      await ask();
      await choose(page, words.tenants, 2);
      await ask();
      await page.getByRole('main').getByRole('button', { name: words.pressDeploy }).click();
      await page.locator(marks.taskState).first().waitFor();
    })) &&
    (await step('watches the log grow, line by line, until success', () => watch(page, scripts))) &&
    (await step('finds it in the trail', async () => {
      await page.getByRole('navigation').getByRole('link', { name: words.navigation.trail }).first().click();
      const entries = page.getByRole('main').getByRole('row').or(page.getByRole('main').getByRole('listitem'));
      const mine = entries.filter({ hasText: words.trailEntry }).filter({ hasText: seen.project });
      await mine.first().waitFor();
    }));
  if (!go) return;

  await step('signs out, and the company is closed', async () => {
    await person.signOut(page);
    await page.goto(person.address + paths.home(person.company));
    await page.getByLabel(words.password).waitFor();
  });
}

/** Follows the first such link of the page; gives back its words. */
async function follow(page, selector) {
  const link = page.locator(selector).first();
  const text = (await link.innerText()).trim();
  await link.click();
  await page.getByRole('heading', { level: 1 }).filter({ hasText: text.split('\n')[0] }).waitFor();
  return text.split('\n')[0];
}

/** Ticks the first boxes of a group, or chooses from a list: whichever the page offers under that label. */
async function choose(page, label, count) {
  const group = page.getByRole('group', { name: label }).or(page.getByRole('radiogroup', { name: label })).first();
  const list = page.getByRole('combobox', { name: label }).or(page.getByRole('listbox', { name: label })).first();
  await group.or(list).first().waitFor();
  if (await list.count()) {
    const options = await list.locator('option:not([disabled])').evaluateAll((all) => all.map((o) => o.value).filter(Boolean));
    await list.selectOption((await list.getAttribute('multiple')) === null ? options[0] : options.slice(0, count));
    return;
  }
  const boxes = group.locator('input[type=checkbox]:enabled, input[type=radio]:enabled');
  assert.ok((await boxes.count()) >= count, `at least ${count} to choose from under ${label}`);
  for (let i = 0; i < count; i++) await boxes.nth(i).check();
}

/** Reads state and number of lines again and again. Without scripts the page renews itself; nobody has to ask. */
async function watch(page, scripts) {
  const before = new Set(); // numbers of lines seen while it was not over
  const until = Date.now() + 90_000;
  let most = 0;
  let seen = null;
  for (;;) {
    seen = await look(page);
    if (seen && words.final.test(seen.state)) break;
    assert.ok(Date.now() < until, `not over after 90 s: ${JSON.stringify(seen)}`);
    if (seen) {
      assert.ok(seen.lines >= most, `lines vanished: ${most}, then ${seen.lines}`);
      most = seen.lines;
      before.add(seen.lines);
    }
    await sleep(50);
  }
  assert.match(seen.state, words.success);
  const counts = [...before].filter((n) => n > 0);
  assert.ok(counts.length >= (scripts ? 2 : 1), `the log should grow while it runs; seen: ${[...before].join(', ')} lines, then ${seen.lines} at the end`);
  // At its end the page may load itself once more; then all lines are there.
  await page.locator(marks.logLine).nth(most - 1).waitFor({ state: 'attached' });
}

/** State and number of lines at one moment; nothing while the page is being replaced. */
function look(page) {
  const read = ({ taskState, logLine }) => {
    const state = document.querySelector(taskState);
    return state && { state: state.innerText, lines: document.querySelectorAll(logLine).length };
  };
  return page.evaluate(read, marks).catch(() => null);
}

/** In another window: the code that was just used, then a new one. */
async function usedCode(run) {
  const { person } = run;
  const context = await run.window();
  const page = await context.newPage();
  try {
    await person.givePassword(page);
    const { code, inTime } = person.telephone.used();
    assert.ok(inTime, 'the used code would still be good by its time');
    await person.giveCode(page, code);
    await page.locator(marks.error).filter({ visible: true }).first().waitFor();
    assert.match(await page.getByRole('main').innerText(), words.codeRefused);
    assert.equal(await page.getByRole('navigation').getByRole('link', { name: words.navigation.dashboard }).count(), 0, 'not signed in');
    if (!(await page.locator(marks.code).count())) await person.givePassword(page);
    await person.giveCode(page, await person.telephone.code());
    await person.isAtHome(page);
    run.keep(run.person, await context.storageState()); // the other files go on with this sign-in
  } finally {
    await context.close();
  }
}

/** From the empty dashboard to a deployment under way, as the list on it leads: at most 8 presses (findings C13). */
async function toTheFirstDeployment(page) {
  let presses = 0;
  const main = page.getByRole('main');
  const press = async (role, name) => {
    presses += 1;
    await main.getByRole(role, { name }).click();
  };
  await press('link', 'Add an environment');
  await page.getByLabel('Name', { exact: true }).fill('Test');
  await press('button', 'Add the environment');
  await page.getByLabel('Name', { exact: true }).fill('Shop');
  await press('button', 'Add the project');
  await page.getByLabel('Name', { exact: true }).fill('Say hello');
  await page.getByLabel('Script', { exact: true }).fill('echo hello');
  await press('button', 'Add the step');
  await press('button', 'Create the release');
  await main.getByRole('button', { name: words.pressDeploy }).click();
  presses += 1;
  await page.locator(marks.taskState).first().waitFor();
  assert.ok(presses <= 8, `${presses} presses`);
}

/** A company that has only just been made, with its first administrator's first sign-in. */
async function enrolsWithoutScripts(run) {
  const context = await run.window({ javaScriptEnabled: false });
  const page = await context.newPage();
  await run.test('without scripts: the first sign-in of a new company, and an empty dashboard that says what to do', page, async () => {
    const password = 'lantern copper seven boats';
    const args = ['company', 'create', 'newcomer', '--name', 'Newcomer Ltd', '--admin-name', 'Nell', '--admin-email', 'nell@newcomer.test', '--admin-password-stdin'];
    await run.command(args, `${password}\n`);
    const nell = new Person({ address: run.demo.address, company: 'newcomer', email: 'nell@newcomer.test', password });
    await nell.signIn(page);
    await toTheFirstDeployment(page);
    await nell.signOut(page);
  });
  await context.close();
}
