// A customer's way: let in from the tenant's page, invited, with a telephone, at home in the portal, a release deployed
// and its log read. Each page at two widths and two themes, without a trace of other tenants or of the product.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Person } from './person.mjs';

const password = 'a long sentence of their own';
const others = /Northwind|Fabrikam|Bulkhead|Octopus/i;

export default async function portal(run) {
  const { address, company } = run.demo;
  const manager = await run.signedIn();
  const desk = await manager.newPage();
  const context = await run.window();
  const page = await context.newPage();
  const jo = new Person({ address, company, email: 'jo@contoso.example', password });
  let link = '';

  const step = (name, on, body) => run.test(`a customer: ${name}`, on, body);
  const go =
    (await step('is let in from the tenant’s page', desk, async () => {
      await desk.goto(`${address}/${company}/default/tenants/contoso`);
      await desk.getByRole('link', { name: 'Give this customer access' }).first().click();
      await desk.getByLabel('E-mail addresses').fill('Jo Doe <jo@contoso.example>');
      await look(run, desk, 'give-access');
      await desk.getByRole('button', { name: 'Show what this gives them' }).click();
      await desk.getByText('Nothing is changed yet.').first().waitFor();
      await look(run, desk, 'give-access-shown');
      await desk.getByRole('button', { name: 'Make the invitations' }).click();
      await desk.getByText('1 person was invited').first().waitFor();
      link = (await desk.getByRole('main').innerText()).match(/https?:\/\/\S+/g).at(-1);
    })) &&
    (await step('accepts, enrols a telephone and is at home', page, async () => {
      await page.goto(link);
      await page.getByLabel('New password').fill(password);
      await page.getByLabel('The same once more').fill(password);
      await page.getByRole('main').getByRole('button').click();
      await jo.enrol(page);
      await page.waitForURL(/\/portal\/contoso$/);
      await look(run, page, 'home', others);
    })) &&
    (await step('deploys a release and reads its log', page, async () => {
      await page.getByRole('link', { name: /^(Deploy|Update to) / }).first().click();
      await look(run, page, 'confirm', others);
      await page.getByRole('main').getByRole('button', { name: /^Deploy / }).click();
      await page.waitForURL(/\/log\/Deployments-/);
      await page.getByText('Success').first().waitFor({ timeout: 60_000 });
      await look(run, page, 'log', others);
      await page.locator('.portal-back a').click();
      await page.getByText('Up to date').or(page.getByRole('link', { name: /^(Deploy|Update to) / })).first().waitFor();
      await look(run, page, 'home-after', others);
    })) &&
    (await step('sees what there is in one place', page, async () => {
      await page.locator('.runs-where a').first().click();
      await look(run, page, 'place', others);
    })) &&
    (await step('runs a runbook once their role allows it', page, async () => {
      assert.ok(!(await page.locator('body').innerText()).includes('Show disk use'), 'nothing of runbooks before');
      const role = await run.api('GET', '/userroles/userroles-tenantself-service');
      role.GrantedSpacePermissions.push('RunbookView', 'RunbookRunCreate', 'RunbookRunView');
      await run.api('PUT', `/userroles/${role.Id}`, role);
      await page.goto(`${address}/${company}/portal/contoso`);
      await look(run, page, 'home-runbooks', others);
      await page.getByRole('link', { name: /^Run in / }).first().click();
      await look(run, page, 'run', others);
      await page.getByRole('main').getByRole('button', { name: /^Run Show disk use in / }).click();
      await page.waitForURL(/\/runs\/RunbookRuns-/);
      await page.getByText('Success').first().waitFor({ timeout: 60_000 });
      // The page draws itself anew when the run has ended.
      await page.locator('task-log:not([data-stream])').first().waitFor({ timeout: 60_000 });
      await look(run, page, 'run-log', others);
      await page.locator('.portal-back a').click();
      await page.getByText(/Show disk use in /).first().waitFor();
      await look(run, page, 'home-run', others);
    })) &&
    (await step('finds their own account, and nothing else', page, async () => {
      await page.goto(`${address}/${company}/me`);
      await look(run, page, 'account', others);
      await page.goto(`${address}/${company}/default/tenants`);
      assert.match(page.url(), /\/portal/);
    }));
  await context.close();
  await manager.close();
  assert.ok(go, 'the way was walked to its end');
}

/** Photographs a page at two widths and two themes; nothing is too wide, axe finds nothing, and no forbidden word is there. */
async function look(run, page, name, forbidden) {
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} is ${wide} pixels too wide at ${width}`);
      assert.deepEqual(await run.violations(page), [], `${name}, ${width}, ${colorScheme}`);
      await page.screenshot({ path: join(run.out, `portal-${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  if (forbidden) assert.doesNotMatch((await page.title()) + (await page.locator('body').innerText()), forbidden);
}
