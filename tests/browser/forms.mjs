// Every form that makes something: sent empty, and sent half filled in. Both come back as the same page with 422,
// each error beside its field, the field pointing to it, and nothing that was typed lost. With scripts and without.

import assert from 'node:assert/strict';
import { crawl, createForms } from './crawl.mjs';
import { marks } from './words.mjs';

export default async function forms(run) {
  let found = [];
  await run.test('the forms are found', null, async () => {
    found = createForms(await crawl(run));
    assert.ok(found.length >= 5, `only ${found.length} forms were found: ${found.map((p) => p.path).join(', ')}`);
  });
  if (!found.length) return;

  for (const scripts of [true, false]) {
    const options = { javaScriptEnabled: scripts };
    const own = await (await run.signedIn(options)).newPage();
    const operators = await (await run.signedIn(options, await run.operator())).newPage();
    const how = scripts ? 'with scripts' : 'without scripts';
    for (const { path, by } of found) {
      const page = by ? operators : own;
      await run.test(`${path}, empty, ${how}`, page, async () => {
        const form = await open(run, page, path);
        if (await isOff(form)) return;
        await form.evaluate(empty);
        await send(page, form);
        await errorsStandBesideTheirFields(page);
        // axe is itself a script of the page.
        if (scripts) assert.deepEqual(await run.violations(page), [], 'axe finds nothing on the page with errors');
      });
      await run.test(`${path}, half filled in, ${how}`, page, async () => {
        const form = await open(run, page, path);
        if (await isOff(form)) return;
        const typed = await form.evaluate(fillHalf, marks.secretText);
        await send(page, form);
        const kept = await theForm(page).evaluate(read, Object.keys(typed));
        assert.deepEqual(kept, typed, 'what was typed survives');
      });
    }
    await own.context().close();
    await operators.context().close();
  }
}

const theForm = (page) => page.locator(marks.form).first();

async function open(run, page, path) {
  const answer = await page.goto(run.demo.address + path);
  assert.equal(answer.status(), 200);
  const form = theForm(page);
  assert.equal(await form.count(), 1, 'the page has a form');
  return form;
}

/** Whether nothing can be sent before something was chosen: then the button is off, with its reason. */
async function isOff(form) {
  if (await form.locator(marks.send).count()) return false;
  const off = form.locator('button[aria-disabled=true]').first();
  const reason = await off.getAttribute('aria-describedby');
  assert.ok((await form.locator(`#${reason}`).innerText()).trim(), 'the button that is off says why');
  return true;
}

/** Presses the form's button, past the browser's own checks: the server's answer is what counts. */
async function send(page, form) {
  await form.evaluate((f) => (f.noValidate = true));
  const answered = page.waitForResponse((r) => r.request().method() === 'POST');
  await form.locator(marks.send).last().click();
  assert.equal((await answered).status(), 422);
  await page.locator(marks.invalid).first().waitFor({ state: 'attached' });
}

async function errorsStandBesideTheirFields(page) {
  const invalid = await page.locator(marks.invalid).evaluateAll((fields) =>
    fields.map((field) => {
      const ids = (field.getAttribute('aria-describedby') ?? '').split(/\s+/).filter(Boolean);
      const error = ids.map((id) => document.getElementById(id)).filter((e) => e?.textContent.trim());
      return { name: field.getAttribute('name') || field.id, described: error.length > 0 };
    }));
  assert.ok(invalid.length > 0, 'a field is marked as invalid');
  for (const { name, described } of invalid) assert.ok(described, `the error of "${name}" is tied to it by aria-describedby`);
  const dead = await page.locator(marks.summaryLink).evaluateAll((links) => links.map((a) => a.getAttribute('href')).filter((href) => !document.querySelector(href)));
  assert.deepEqual(dead, [], 'each link of the summary leads to a field');
}

// The rest runs in the page.

function empty(form) {
  for (const field of form.elements) {
    if (field.matches('input[type=hidden], button, fieldset, input[type=submit]')) continue;
    if (field.matches('input[type=checkbox], input[type=radio]')) field.checked = false;
    else if (field.matches('select')) field.selectedIndex = -1;
    else field.value = '';
  }
}

/** Fills in every field but the first that must not be empty; a form with a single field gets far too much in it. */
function fillHalf(form, secretText) {
  const texts = [...form.elements].filter((f) => f.matches('textarea, input:not([type]), input[type=text], input[type=search], input[type=url], input[type=email], input[type=number]') && f.name && !f.matches(secretText));
  const leftOut = texts.length > 1 ? (texts.find((f) => f.required) ?? texts[0]) : null;
  const typed = {};
  for (const field of texts) {
    if (field === leftOut) field.value = '';
    else if (texts.length === 1) field.value = 'much too long '.repeat(400).trim();
    else if (field.type === 'number') field.value = '7';
    else if (field.type === 'email') field.value = 'typed@example.test';
    else if (field.type === 'url') field.value = 'http://example.test/typed';
    else field.value = `typed "${field.name}" <&>`;
    typed[field.name] = field.value;
  }
  for (const field of form.elements) if (field.matches('input[type=radio]:required')) field.checked = false;
  const box = [...form.elements].find((f) => f.matches('input[type=checkbox]:not(:disabled)') && f.name);
  if (box) {
    box.checked = !box.checked;
    typed[`box ${box.name}=${box.value}`] = box.checked;
  }
  const list = [...form.elements].find((f) => f.matches('select:not([multiple])') && f.name && f.options.length > 1);
  if (list) {
    list.selectedIndex = list.options.length - 1;
    typed[`list ${list.name}`] = list.value;
  }
  return typed;
}

function read(form, names) {
  const now = {};
  for (const name of names) {
    const [kind, ...rest] = name.split(' ');
    if (kind === 'box') {
      const [boxName, value] = rest.join(' ').split('=');
      now[name] = [...form.elements].find((f) => f.name === boxName && f.value === value)?.checked;
    } else if (kind === 'list') now[name] = [...form.elements].find((f) => f.name === rest.join(' '))?.value;
    else now[name] = [...form.elements].find((f) => f.name === name)?.value;
  }
  return now;
}
