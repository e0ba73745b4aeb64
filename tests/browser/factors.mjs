// Somebody new, all the way: invited, active, with a telephone, signed in by code, recovery code and passkey, shut out.
// Passkeys live in Chromium's own virtual authenticator, and at localhost: browsers make none for addresses in numbers.

import assert from 'node:assert/strict';
import { Person } from './person.mjs';
import { marks, words } from './words.mjs';

const password = 'a long sentence of her own';

export default async function factors(run) {
  const address = run.demo.address.replace('127.0.0.1', 'localhost');
  run.origins.add(address);
  const { company } = run.demo;
  const email = 'edith@example.com';
  const edith = new Person({ address, company, email, password });
  const context = await run.window();
  const page = await context.newPage();
  const home = `${address}/${company}`;
  const step = (name, body) => run.test(`somebody new: ${name}`, page, body);
  let user = '';

  const go =
    (await step('is invited, chooses a password, enrols a telephone and gets recovery codes', async () => {
      const invited = await run.api('POST', '/users/invitations', { DisplayName: 'Edith', EmailAddress: email, AddToTeamIds: [] });
      user = invited.UserId;
      await page.goto(address + invited.Links.Web);
      await page.getByLabel('New password').fill(password);
      await page.getByLabel('The same once more').fill(password);
      await page.getByRole('main').getByRole('button').click();
      await edith.enrol(page);
      await isSignedIn(page);
    })) &&
    (await step('signs in with a code', async () => {
      await edith.signOut(page);
      await edith.givePassword(page);
      await edith.giveCode(page, await edith.telephone.code());
      await isSignedIn(page);
    })) &&
    (await step('signs in with a recovery code, once', async () => {
      const [code] = edith.recoveryCodes;
      await edith.signOut(page);
      await edith.givePassword(page);
      await giveRecoveryCode(page, code);
      await isSignedIn(page);
      await page.goto(`${home}/me`);
      await page.getByText('9 of 10 left').waitFor();
      await edith.signOut(page);
      await edith.givePassword(page);
      await giveRecoveryCode(page, code);
      await page.locator(marks.error).filter({ visible: true }).first().waitFor();
      await giveRecoveryCode(page, edith.recoveryCodes[1]);
      await isSignedIn(page);
    })) &&
    (await step('makes a passkey', async () => {
      const devtools = await context.newCDPSession(page);
      await devtools.send('WebAuthn.enable');
      const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
      await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
      await page.goto(`${home}/me`);
      await page.getByRole('link', { name: 'Add a passkey' }).click();
      await page.getByLabel('Name').fill('Laptop of Edith');
      await page.getByRole('button', { name: 'Make the passkey' }).click();
      await page.getByRole('row').filter({ hasText: 'Laptop of Edith' }).filter({ hasText: 'Passkey' }).waitFor();
    })) &&
    (await step('signs in with the passkey alone', async () => {
      await edith.signOut(page);
      await page.goto(`${home}/login`);
      await page.getByRole('link', { name: 'Sign in with a passkey' }).click();
      await isSignedIn(page);
    })) &&
    (await step('signs in with the passkey as second factor', async () => {
      await edith.signOut(page);
      await edith.givePassword(page);
      await page.getByRole('button', { name: 'Use a passkey' }).click();
      await isSignedIn(page);
    })) &&
    (await step('is asked for a fresh proof, gives the passkey, and nothing is lost', async () => {
      await run.later(user);
      await page.goto(`${home}/me/email`);
      await page.getByText('Is it still you?').first().waitFor();
      await page.getByRole('button', { name: 'Use a passkey' }).click();
      await page.getByLabel('E-mail').fill('edith.new@example.com');
      await page.getByRole('button', { name: 'Change the address' }).click();
      await page.getByText('Your e-mail address was changed.').waitFor();
    })) &&
    (await step('proves with the passkey over the API', async () => {
      await run.later(user);
      const status = await page.evaluate(async (company) => {
        const csrf = document.querySelector('input[name=_csrf]').value;
        const call = (path, body) =>
          fetch(`/${company}/api/users/me/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Octopus-Csrf-Token': csrf }, body: JSON.stringify(body) });
        const { Ticket, Options } = await (await call('proof/passkey', {})).json();
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(Options.publicKey);
        const Passkey = (await navigator.credentials.get({ publicKey })).toJSON();
        const proved = (await call('proof', { Ticket, Passkey })).status;
        return [proved, (await call('recoverycodes', {})).status];
      }, company);
      assert.deepEqual(status, [200, 201]);
    })) &&
    (await step('is shut out at the next click', async () => {
      const them = await run.api('GET', `/users/${user}`);
      await run.api('PUT', `/users/${user}`, { ...them, IsActive: false });
      await page.goto(`${home}/me`);
      await page.getByLabel(words.password).waitFor();
      await page.goto(`${home}/passkey`);
      await page.getByText('not known here').waitFor();
    }));
  await context.close();
  const second = await passkeyFirst(run, address);
  assert.ok(go && second, 'the way was walked to its end');
}

// Somebody who has no telephone at hand: the passkey is their first factor, on the page that asks for one.
async function passkeyFirst(run, address) {
  const { company } = run.demo;
  const context = await run.window();
  const page = await context.newPage();
  const fine = await run.test('somebody new: sets up a passkey where a second factor is demanded', page, async () => {
    const invited = await run.api('POST', '/users/invitations', { DisplayName: 'Frida', EmailAddress: 'frida@example.com', AddToTeamIds: [] });
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
    await page.goto(address + invited.Links.Web);
    await page.getByLabel('New password').fill(password);
    await page.getByLabel('The same once more').fill(password);
    await page.getByRole('main').getByRole('button').click();
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.locator('#recovery-codes').waitFor();
    await page.goto(`${address}/${company}/me`);
    await page.getByRole('row').filter({ hasText: 'Passkey' }).first().waitFor();
    // Asked for what she has, and for nothing else (findings J6).
    await context.clearCookies({ name: 'house_session' });
    await page.goto(`${address}/${company}/login`);
    await page.getByLabel(words.email).fill('frida@example.com');
    await page.getByLabel(words.password).fill(password);
    await page.getByRole('button', { name: words.signIn }).first().click();
    await page.getByRole('heading', { name: 'Use your passkey' }).waitFor();
    assert.equal(await page.getByLabel('Recovery code').isVisible(), false);
    await page.locator('main button.primary:visible').getByText('Use a passkey').click();
    await isSignedIn(page);
  });
  await context.close();
  return fine;
}

async function isSignedIn(page) {
  await page.getByRole('navigation').first().waitFor();
  await page.locator('summary').filter({ hasText: words.account }).waitFor({ state: 'attached' });
}

async function giveRecoveryCode(page, code) {
  const field = page.getByLabel('Recovery code');
  if (!(await field.isVisible())) await page.getByText('I cannot use my telephone').click();
  await field.fill(code);
  await page.getByRole('button', { name: 'Use this recovery code' }).click();
}
