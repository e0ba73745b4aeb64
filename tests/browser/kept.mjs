// What is typed is not lost, and what is shown once is not made twice: reloads, a session that ended, an older form.

import assert from 'node:assert/strict';
import { Person } from './person.mjs';

const password = 'a long password of theirs';

export default async function kept(run) {
  const { address, company } = run.demo;
  const home = `${address}/${company}`;
  const person = new Person({ ...run.demo, email: 'kay@acme.test', password });
  await run.api('POST', '/users', { Username: person.email, DisplayName: 'Kay Kept', EmailAddress: person.email, Password: password });
  const context = await run.window();
  const page = await context.newPage();
  await page.goto(`${address}/login`);
  await person.givePassword(page);
  await person.enrol(page);

  await run.test('a key is shown once, and loading the page again makes no other', page, async () => {
    await page.goto(`${home}/me/keys/new`);
    await page.getByLabel('What it is for').fill('shown once');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.getByText(/^API-[A-Z0-9]{12,}$/).first().waitFor();
    await page.reload();
    await page.getByText('The API key was shown once').waitFor();
    // The list goes on showing how the key begins.
    assert.equal(await page.getByText(/^API-[A-Z0-9]{12,}$/).count(), 0);
    assert.equal(await page.getByRole('row').filter({ hasText: 'shown once' }).count(), 1);
    assert.deepEqual(await run.violations(page), []);
  });

  await run.test('new recovery codes outlive a reload', page, async () => {
    await page.goto(`${home}/me`);
    await page.getByRole('button', { name: /recovery codes/i }).click();
    await page.locator('#recovery-codes').waitFor();
    await page.reload();
    await page.getByText('The recovery codes were shown once').waitFor();
    await page.getByText('10 of 10 left').waitFor();
  });

  await run.test('the session ends while a form is typed: the text comes back', page, async () => {
    await page.goto(`${home}/me`);
    await page.getByLabel('Name', { exact: true }).fill('Kay <Typed>');
    await context.clearCookies({ name: 'house_session' });
    await page.getByRole('button', { name: 'Save the name' }).click();
    await page.getByLabel(/^e-?mail/i).fill(person.email);
    await page.getByLabel(/^password/i).fill(password);
    await page.getByRole('button', { name: /^sign in/i }).first().click();
    await page.locator('input[name=code]').fill(await person.telephone.code());
    await page.getByRole('main').getByRole('button', { name: /^sign in/i }).click();
    await page.getByRole('heading', { name: 'Send it again?' }).waitFor();
    await page.getByText('Kay <Typed>').first().waitFor();
    assert.deepEqual(await run.violations(page), []);
    await page.getByRole('button', { name: 'Send it' }).click();
    await page.getByText('Your name was saved.').waitFor();
  });

  await run.test('a form of an older session is sent again with one press', page, async () => {
    await page.goto(`${home}/me`);
    await page.getByLabel('Name', { exact: true }).fill('Kay Older');
    const other = await context.newPage();
    await context.clearCookies({ name: 'house_session' });
    await person.givePassword(other);
    await person.giveCode(other, await person.telephone.code());
    await other.getByRole('heading', { level: 1, name: 'Your account' }).waitFor();
    await other.close();
    await page.getByRole('button', { name: 'Save the name' }).click();
    await page.getByRole('heading', { name: 'Send it again?' }).waitFor();
    await page.getByRole('button', { name: 'Send it' }).click();
    await page.getByText('Your name was saved.').waitFor();
  });
  await context.close();
}
