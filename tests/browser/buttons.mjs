// Buttons that cannot be used say why: to the eye, to the keyboard and to a screen reader.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Person } from './person.mjs';

const views = [1440, 390].flatMap((width) => ['light', 'dark'].map((colorScheme) => ({ width, colorScheme })));

export default async function buttons(run) {
  const { address, company } = run.demo;
  const person = new Person({ ...run.demo, email: 'lena@acme.test', password: 'lantern copper seven boats' });
  await run.test('somebody who may look and change nothing', null, async () => {
    const user = await run.api('POST', '/users', { Username: person.email, DisplayName: 'Lena Looker', EmailAddress: person.email, Password: person.password });
    const team = await run.api('POST', '/teams', { Name: 'Lookers', MemberUserIds: [user.Id] });
    const views = (await run.api('GET', '/permissions/all')).filter((one) => one.Id.endsWith('View'));
    const role = await run.api('POST', '/userroles', {
      Name: 'Looks at everything',
      GrantedSystemPermissions: views.filter((one) => one.CanApplyAtSystemLevel).map((one) => one.Id),
      GrantedSpacePermissions: views.filter((one) => one.CanApplyAtSpaceLevel).map((one) => one.Id),
    });
    await run.api('POST', '/scopeduserroles', { TeamId: team.Id, UserRoleId: role.Id, SpaceId: 'Spaces-1' });
    await (await run.signedIn({}, person)).close();
  });

  const pages = ['projects/shop', 'tenants/contoso', 'library/lifecycles'];
  for (const { width, colorScheme } of views) {
    const viewport = { width, height: width < 500 ? 844 : 900 };
    const context = await run.signedIn({ viewport, colorScheme, reducedMotion: 'reduce' }, person);
    const page = await context.newPage();
    for (const path of pages) {
      await run.test(`${path}, ${width} ${colorScheme}`, page, async () => {
        await page.goto(`${address}/${company}/default/${path}`);
        const off = page.locator('.page-head .button-off').last();
        const button = off.getByRole('button');
        const why = off.getByRole('link', { name: 'Why?' });
        assert.equal(await button.getAttribute('aria-disabled'), 'true');
        assert.equal(await why.isVisible(), false, 'the reason is out of the way until asked for');
        assert.match(await described(button), /^Needs [A-Z]\w+ for .+: .+\./);
        // By the keyboard alone.
        await page.locator('.page-head h1').click();
        for (let steps = 0; !(await button.evaluate((one) => one === document.activeElement)); steps++) {
          assert.ok(steps < 60, 'the button is never reached by Tab');
          await page.keyboard.press('Tab');
        }
        assert.equal(await why.isVisible(), true, 'the reason is shown while the button has the focus');
        assert.deepEqual(await run.violations(page), []);
        const box = await off.locator('.off-why').boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= width, `the reason sticks out: ${JSON.stringify(box)}`);
        await page.screenshot({ path: join(run.out, `off-${path.replaceAll('/', '-')}-${width}-${colorScheme}.png`) });
        run.takeFaults(); // the photographer's own style sheet is against the content policy
        await page.keyboard.press('Enter');
        await page.keyboard.press('Escape');
        assert.equal(await why.isVisible(), false, 'Escape puts it away');
        await button.focus();
        await page.keyboard.press('Tab');
        assert.equal(await why.evaluate((one) => one === document.activeElement), true, 'Tab leads from the button to Why?');
        await page.keyboard.press('Enter');
        await page.waitForURL(/\/access\/why\?/);
        await page.getByText(/Lena Looker may not:/).first().waitFor();
      });
    }
    await context.close();
  }
}

/** What is read out after the button's name. */
const described = (button) => button.evaluate((one) => document.getElementById(one.getAttribute('aria-describedby')).textContent);
