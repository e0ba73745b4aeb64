// Every form of every page, filled in and sent as people send it: with the mouse, and each once with Enter. As an
// administrator, as somebody limited to one tenant, as a customer, and as the operator. Nothing ends silently: a press
// leads to a request and from there to another page, or to one that says what is wrong. A field that is required and
// cannot be seen keeps the browser from sending, without a word: that is a fault (findings B1).

import assert from 'node:assert/strict';
import { crawl, routeOf } from './crawl.mjs';
import { Person } from './person.mjs';

const password = 'lantern copper seven boats';
/** What takes something away comes last: the pages of the others need it. */
const takes = /\/(delete|remove|revoke|deactivate|reset-[a-z-]+|sign-out|end|rename|cancel|stop|suspend|sign-off|adopt|backup)$/;
/** A page of samples, whose forms lead nowhere. */
const samples = /\/help\/parts$/;
/** The smallest picture that a logo may be: 16 dots on each side. */
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAF0lEQVR42mNkYPhPEmBiIBGMahjWGgA3sAEfCJRp3AAAAABJRU5ErkJggg==', 'base64');

export default async function submit(run) {
  const pages = await crawl(run);
  // The forms of the page of all parts are there to be looked at.
  const company = (by) => pages.filter((page) => page.by === by && !samples.test(page.path)).map(({ path }) => path);
  const limited = await deployer(run);
  const customer = await customerOf(run);
  await proofs(run);
  await everyForm(run, 'a customer', customer, await reachable(run, customer), 5);
  await everyForm(run, 'somebody limited to one tenant', limited, await reachable(run, limited), 8);
  await everyForm(run, 'an administrator', run.person, company(undefined), 60);
  // Last, for it may suspend the company.
  await everyForm(run, 'the operator', await run.operator(), company('operator'), 6);
}

/** Whoever is asked once more who they are gets through by each way, by the mouse and by Enter. */
async function proofs(run) {
  const { address } = run.demo;
  const person = new Person({ ...run.demo, email: 'paula@acme.test', password });
  const user = await run.api('POST', '/users', { Username: person.email, DisplayName: 'Paula Proof', EmailAddress: person.email, Password: password });
  const context = await run.window();
  const page = await context.newPage();
  await page.goto(`${address}/login`);
  await person.givePassword(page);
  await person.enrol(page);
  const ways = [
    ['a code, by the mouse', async () => {
      await page.locator('input[name=proof-code]').fill(await person.telephone.code());
      await page.getByRole('button', { name: 'Go on' }).click();
    }],
    ['a code, by Enter', async () => {
      await page.locator('input[name=proof-code]').fill(await person.telephone.code());
      await page.keyboard.press('Enter');
    }],
    ['a recovery code, by the mouse', async () => {
      await page.locator('summary', { hasText: 'I cannot use my telephone' }).click();
      await page.locator('input[name=proof-recovery]').fill(person.recoveryCodes[0]);
      await page.getByRole('button', { name: 'Use this recovery code' }).click();
    }],
    ['a recovery code, by Enter', async () => {
      await page.locator('summary', { hasText: 'I cannot use my telephone' }).click();
      await page.locator('input[name=proof-recovery]').fill(person.recoveryCodes[1]);
      await page.keyboard.press('Enter');
    }],
  ];
  for (const [n, [name, give]] of ways.entries()) {
    await run.test(`is it still you? ${name}`, page, async () => {
      await page.goto(`${address}/${run.demo.company}/me/keys/new`);
      await page.getByLabel('What it is for').fill(`key number ${n}`);
      await run.later(user.Id);
      await page.getByRole('main').getByRole('button').last().click();
      await page.getByRole('heading', { name: 'Is it still you?' }).waitFor();
      assert.deepEqual(await page.evaluate(unseen), [], 'a required field that cannot be seen');
      assert.deepEqual(await run.violations(page), []);
      await give();
      await page.getByText(`key number ${n}`).first().waitFor();
      await page.getByText(/^API-/).first().waitFor();
    });
  }
  await context.close();
}

/** Somebody who may deploy for one tenant, and nothing else. */
async function deployer(run) {
  const person = new Person({ ...run.demo, email: 'lim@acme.test', password });
  const user = await run.api('POST', '/users', { Username: person.email, DisplayName: 'Lim Limited', EmailAddress: person.email, Password: password });
  const team = await run.api('POST', '/teams', { Name: 'For one tenant', MemberUserIds: [user.Id] });
  const tenants = await run.api('GET', '/Spaces-1/tenants/all');
  await run.api('POST', '/scopeduserroles', {
    TeamId: team.Id, UserRoleId: 'userroles-projectdeployer', SpaceId: 'Spaces-1', TenantIds: [tenants[0].Id],
  });
  return person;
}

/** One of a tenant's own people, invited from the tenant's page. */
async function customerOf(run) {
  const { address } = run.demo;
  const person = new Person({ ...run.demo, email: 'cora@customer.example', password });
  const tenants = await run.api('GET', '/Spaces-1/tenants/all');
  const made = await run.api('POST', `/Spaces-1/tenants/${tenants.at(-1).Id}/selfservice`, { People: [{ DisplayName: 'Cora', EmailAddress: person.email }], EmailAddresses: [person.email] });
  const link = JSON.stringify(made).match(/\/[a-z0-9-]+\/invitation\/[A-Za-z0-9_-]+/)[0];
  const context = await run.window();
  const page = await context.newPage();
  await page.goto(address + link);
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('The same once more').fill(password);
  await page.getByRole('main').getByRole('button').click();
  await person.enrol(page);
  run.keep(person, await context.storageState());
  await context.close();
  return person;
}

/** One address of each kind of page that links lead somebody to. */
async function reachable(run, person) {
  const { address, company } = run.demo;
  const context = await run.signedIn({ javaScriptEnabled: false }, person);
  const page = await context.newPage();
  const kinds = new Map();
  const waiting = [`/${company}`];
  const seen = new Set(waiting);
  while (waiting.length) {
    const answer = await page.goto(address + waiting.shift(), { waitUntil: 'domcontentloaded' }).catch(() => null);
    if (!answer || answer.status() !== 200 || !(answer.headers()['content-type'] ?? '').startsWith('text/html')) continue;
    const arrived = new URL(page.url()).pathname;
    if (!kinds.has(routeOf(arrived))) kinds.set(routeOf(arrived), arrived);
    for (const link of await page.locator('a[href]:not([download])').evaluateAll((all) => all.map((a) => a.href))) {
      const url = new URL(link);
      const kind = routeOf(url.pathname);
      if (url.origin !== address || !`${url.pathname}/`.startsWith(`/${company}/`) || !kind || seen.has(kind)) continue;
      seen.add(kind);
      waiting.push(url.pathname);
    }
  }
  await context.close();
  run.takeFaults();
  return [...kinds.values()].filter((path) => !samples.test(path));
}

/** Forms that were sent with Enter: whoever sends it, the browser does the same. */
const entered = new Set();

async function everyForm(run, who, person, paths, least) {
  const { address } = run.demo;
  const context = await run.signedIn({}, person);
  const page = await context.newPage();
  const known = new Set();
  const later = [];
  let sent = 0;

  const open = async (path) => {
    const answer = await page.goto(address + path, { waitUntil: 'domcontentloaded' }).catch((error) => ({ error }));
    if (answer.error && !/Download is starting|ERR_ABORTED/.test(answer.error.message)) throw answer.error;
    return !answer.error && answer.status() === 200;
  };
  const both = async (path, form) => {
    for (const how of ['the mouse', 'Enter']) {
      if (how === 'Enter' && (!form.typed || entered.has(form.key))) continue;
      if (!(await open(path))) return; // what was there was taken away by the first press
      const there = (await page.evaluate(formsOf)).find((one) => one.key === form.key);
      if (!there) return;
      if (how === 'Enter' ? !there.typed : !there.pressed) continue;
      if (how === 'Enter') entered.add(form.key);
      await press(run, page, person, form.key, how, `${path} → ${form.action}`);
      sent++;
    }
  };

  for (const path of paths) {
    await run.test(`${who}: the forms of ${path}`, page, async () => {
      if (!(await open(path))) return;
      const unseenFields = await page.evaluate(unseen);
      assert.deepEqual(unseenFields, [], 'a field that is required and cannot be seen');
      for (const form of await page.evaluate(formsOf)) {
        if (known.has(form.key)) continue;
        known.add(form.key);
        if (takes.test(form.action)) later.push({ path, form });
        else await both(path, form);
      }
    });
  }
  // Signing out is the last of all.
  later.sort((a, b) => /sign-out$/.test(a.form.action) - /sign-out$/.test(b.form.action));
  for (const { path, form } of later) {
    await run.test(`${who}: ${form.action}`, page, () => both(path, form));
  }
  await run.test(`${who}: ${sent} forms were sent, of ${known.size} kinds`, null, async () => {
    assert.ok(known.size >= least && sent >= known.size, `only ${sent} of ${known.size}`);
  });
  await context.close();
}

/** Fills a form in and sends it; fails when nothing comes of it. */
async function press(run, page, person, key, how, what) {
  const handle = await page.evaluateHandle(formOf, key);
  const form = handle.asElement();
  assert.ok(form, `${what}: the form is gone`);
  await form.evaluate(unfold);
  for (const field of await form.$$('input[type=file]')) {
    await field.setInputFiles({ name: 'logo.png', mimeType: 'image/png', buffer: picture });
  }
  const asks = await form.evaluate(fill, password);
  for (const name of asks) {
    if (!person.telephone) continue;
    await (await form.$(`[name="${name}"]`)).fill(await person.telephone.code());
  }
  const arrived = page.waitForEvent('domcontentloaded', { timeout: 8_000 }).catch(() => null);
  const asked = page.waitForRequest((request) => request.isNavigationRequest() && request.frame() === page.mainFrame(), { timeout: 4_000 }).catch(() => null);
  if (how === 'Enter') {
    const field = (await form.evaluateHandle(textField)).asElement();
    if (!field) return; // what there is to type stands where it cannot be seen
    await field.focus();
    await page.keyboard.press('Enter');
  } else {
    const button = (await form.evaluateHandle(sendButton)).asElement();
    if (button) await button.click();
    else throw new Error(`${what}: no button to press`);
  }
  const request = await asked;
  if (!request) {
    const held = await form.evaluate((f) => [...f.elements].filter((e) => e.willValidate && !e.validity.valid).map((e) => `${e.name || e.id}: ${e.validationMessage}`)).catch(() => []);
    assert.fail(`${what}, by ${how}: nothing was sent${held.length ? `; the browser holds it back for ${held.join(', ')}` : ' and nothing said why'}`);
  }
  const response = await request.response();
  const status = response?.status() ?? 0;
  assert.ok(status < 500, `${what}, by ${how}: ${status}`);
  const saved = (response?.headers()['content-disposition'] ?? '').startsWith('attachment');
  if (!saved) assert.ok(await arrived, `${what}, by ${how}: ${status}, and no page came`);
  if (status === 422) {
    const told = await page.locator('[role=alert], [aria-invalid=true], .field-error, .message[data-kind=danger], .message[data-kind=warning]').count();
    assert.ok(told > 0, `${what}, by ${how}: refused, and the page does not say why`);
  }
}

// The rest runs in the page.

/** The forms that a person can send, each once: by where it leads and what is in it. */
function formsOf() {
  return [...document.forms].filter((form) => form.method !== 'dialog').map((form) => {
    const action = new URL(form.action).pathname;
    const names = [...new Set([...form.elements].map((e) => e.name).filter((name) => name && name !== '_csrf'))].sort();
    const words = [...form.querySelectorAll('button:not([type=button]), input[type=submit]')].map((b) => `${b.name}=${b.value}`);
    const typed = [...form.elements].some((e) => e.name && e.matches('input:not([type]), input[type=text], input[type=search], input[type=email], input[type=number], input[type=password], input[type=url]') && !e.disabled && !e.readOnly);
    const pressed = [...form.elements].some((e) => e.matches('button:not([type=button]), input[type=submit]') && e.getAttribute('aria-disabled') !== 'true');
    // Ids and names in addresses do not make another form; nor does the list that a filter is above.
    const kind = form.method === 'get' ? '' : action.split('/').slice(2).map((part) => (/^[a-z-]+$/.test(part) ? part : '{}')).join('/');
    return { action, typed, pressed, key: `${form.method} ${kind} ${names.join(',')} ${words.join(',')}` };
  });
}

function formOf(key) {
  const kindOf = (form) => {
    const names = [...new Set([...form.elements].map((e) => e.name).filter((name) => name && name !== '_csrf'))].sort();
    const words = [...form.querySelectorAll('button:not([type=button]), input[type=submit]')].map((b) => `${b.name}=${b.value}`);
    const kind = form.method === 'get' ? '' : new URL(form.action).pathname.split('/').slice(2).map((part) => (/^[a-z-]+$/.test(part) ? part : '{}')).join('/');
    return `${form.method} ${kind} ${names.join(',')} ${words.join(',')}`;
  };
  return [...document.forms].find((form) => kindOf(form) === key);
}

/** Of every form whose button can be seen: the fields that the browser wants filled in and nobody can see. */
function unseen() {
  const seen = (e) => e.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true });
  const found = [];
  for (const form of document.forms) {
    const buttons = [...form.querySelectorAll('button:not([type=button]), input[type=submit]')];
    if (!buttons.some((button) => seen(button) && !button.formNoValidate)) continue;
    for (const field of form.elements) {
      if (field.willValidate && field.required && !seen(field)) found.push(`${field.name || field.id} of ${new URL(form.action).pathname}`);
    }
  }
  return found;
}

/** Opens what is folded around a form, as a person would to get at it. */
function unfold(form) {
  for (let around = form; around; around = around.parentElement) {
    if (around.tagName === 'DETAILS') around.open = true;
    if (around.popover && !around.matches(':popover-open')) around.showPopover();
  }
}

/** Types what is missing, leaves what stands there. Gives the fields that want a code. */
function fill(form, password) {
  const codes = [];
  const seen = (e) => e.checkVisibility({ checkVisibilityCSS: true });
  const mark = Math.random().toString(36).slice(2, 8);
  for (const field of form.elements) {
    if (field.disabled || field.readOnly || !field.name || !seen(field)) continue;
    if (field.matches('input[type=hidden], button, input[type=submit], input[type=file], fieldset')) continue;
    if (field.matches('input[type=checkbox]')) {
      if (field.required) field.checked = true;
    } else if (field.matches('input[type=radio]')) {
      const group = [...form.elements].filter((e) => e.name === field.name && e.type === 'radio');
      if (!group.some((e) => e.checked)) group[0].checked = true;
    } else if (field.matches('select')) {
      if (!field.value) field.value = [...field.options].find((o) => o.value && !o.disabled)?.value ?? '';
    } else if (field.matches('.code')) {
      codes.push(field.name);
    } else if (field.dataset.confirm) {
      field.value = field.dataset.confirm;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    } else if (!field.value && (field.required || field.matches('input[type=search]'))) {
      if (field.type === 'email') field.value = `somebody-${mark}@acme.test`;
      else if (field.type === 'url') field.value = 'https://example.test/';
      else if (field.type === 'number') field.value = field.min || '7';
      else if (field.type === 'date') field.value = '2031-01-31';
      else if (field.type === 'datetime-local') field.value = '2031-01-31T10:00';
      else if (field.type === 'password') field.value = password;
      else field.value = `typed ${mark}`.slice(0, field.maxLength > 0 ? field.maxLength : 60);
    }
  }
  return codes;
}

function sendButton(form) {
  const own = [...form.elements].filter((e) => e.matches('button:not([type=button]), input[type=submit]'));
  const can = own.filter((e) => e.checkVisibility({ checkVisibilityCSS: true }) && !e.disabled && e.getAttribute('aria-disabled') !== 'true');
  // The one that stands first may be there for Enter alone.
  return can.find((e) => e.matches('.primary, .danger')) ?? can.find((e) => e.getBoundingClientRect().width > 1) ?? null;
}

function textField(form) {
  const kinds = 'input:not([type]), input[type=text], input[type=search], input[type=email], input[type=number], input[type=password], input[type=url]';
  return [...form.elements].find((e) => e.name && e.matches(kinds) && !e.disabled && !e.readOnly && e.checkVisibility({ checkVisibilityCSS: true }));
}
