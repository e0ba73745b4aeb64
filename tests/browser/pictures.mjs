// Not a test: takes the pictures of the README, with the sample data and a few deployments more.
//
//   node run.mjs pictures

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export default async function pictures(run) {
  await run.test('the pictures of the README', null, async () => {
    const { address, company } = run.demo;
    const into = join(import.meta.dirname, '../../packaging/screenshots');
    mkdirSync(into, { recursive: true });
    const context = await run.signedIn({ colorScheme: 'light', reducedMotion: 'reduce' });
    const page = await context.newPage();
    const deploy = async (project, version, environment, tenants) => {
      await page.goto(`${address}/${company}/default/projects/${project}/releases/${version}/deployments/new`);
      await page.getByRole('radio', { name: new RegExp(`^${environment}`) }).check();
      for (const tenant of tenants) await page.getByRole('checkbox', { name: new RegExp(`^${tenant}`) }).check();
      await page.getByRole('main').getByRole('button', { name: /^deploy/i }).click();
      await page.waitForURL(/\/tasks\//);
      return page.url();
    };
    const over = async () => {
      while ((await run.api('GET', '/tasks?active=true')).TotalResults > 0) await sleep(300);
    };
    const at = await deploy('shop', '1.0.0', 'Development', ['Northwind']);
    await over();
    await deploy('shop', '1.0.0', 'Staging', ['Contoso', 'Fabrikam']);
    await deploy('status-page', '0.4.0', 'Development', []);
    await deploy('billing', '2026.11.1', 'Development', ['Contoso', 'Northwind']);
    await over();
    await deploy('shop', '1.1.0', 'Development', ['Contoso', 'Fabrikam', 'Northwind']);
    await deploy('status-page', '0.4.0', 'Staging', []);
    await sleep(1_500);
    await page.goto(`${address}/${company}/default`);
    await page.screenshot({ path: join(into, 'dashboard.png') });
    await page.goto(at);
    await page.locator('details.log-step').evaluateAll((all) => all.forEach((one) => (one.open = true)));
    await page.screenshot({ path: join(into, 'log.png') });
    run.takeFaults();
    await context.close();
  });
}
