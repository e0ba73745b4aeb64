// A person at a browser: signs in, enrols a telephone, gives codes.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { marks, paths, words } from './words.mjs';

/** The code a telephone shows at a time (in seconds), by RFC 6238 with its defaults: SHA-1, 30 s, six digits. */
export function totp(secret, time) {
  const bits = [...secret.replace(/[\s=]/g, '').toUpperCase()]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / 30)));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

const halfMinute = () => Math.floor(Date.now() / 30_000);

/** Shows each code once. A server takes the code of the next half minute too, so this seldom waits. */
export class Telephone {
  constructor(secret) {
    this.secret = secret;
    this.last = 0;
  }

  async code() {
    const step = Math.max(halfMinute(), this.last + 1);
    while (step > halfMinute() + 1) await sleep(200);
    this.last = step;
    return totp(this.secret, step * 30);
  }

  /** The code given last, and whether a server would still take it if it were new. */
  used() {
    return { code: totp(this.secret, this.last * 30), inTime: Math.abs(halfMinute() - this.last) <= 1 };
  }
}

export class Person {
  constructor({ address, company, email, password, home = words.navigation.dashboard }) {
    Object.assign(this, { address, company, email, password, home });
    this.telephone = null;
    this.recoveryCodes = [];
  }

  /** From the sign-in page to the dashboard, enrolling if the server asks for it. */
  async signIn(page) {
    await this.givePassword(page);
    if (await page.locator(marks.secret).count()) await this.enrol(page);
    else await this.giveCode(page, await this.telephone.code());
    await this.isAtHome(page);
  }

  /** The three fields; ends on the page that asks for the second factor. */
  async givePassword(page) {
    await page.goto(this.address + paths.login);
    await page.getByLabel(words.company).fill(this.company);
    await page.getByLabel(words.email).fill(this.email);
    await page.getByLabel(words.password).fill(this.password);
    await page.getByRole('button', { name: words.signIn }).click();
    await page.locator(marks.code).waitFor();
  }

  async enrol(page) {
    assert.ok(await page.locator(marks.qr).first().isVisible(), 'a QR code is shown');
    const secret = (await page.locator(marks.secret).innerText()).replace(/\s/g, '');
    assert.match(secret, /^[A-Z2-7]{16,}=*$/, 'the secret stands beside it as text');
    this.telephone = new Telephone(secret);
    await page.locator(marks.code).fill(await this.telephone.code());
    await page.getByRole('main').getByRole('button', { name: words.enrol }).click();
    const shown = await page.locator(marks.recoveryCodes).locator('code').innerText();
    this.recoveryCodes = shown.trim().split(/\s+/);
    assert.equal(this.recoveryCodes.length, 10, 'ten recovery codes are shown');
    await page.getByRole('main').getByRole('link', { name: words.codesKept }).click();
  }

  async giveCode(page, code) {
    await page.locator(marks.code).fill(code);
    await page.getByRole('main').getByRole('button', { name: words.confirmCode }).click();
  }

  async isAtHome(page) {
    await page.getByRole('navigation').getByRole('link', { name: this.home }).first().waitFor({ state: 'attached' });
    assert.match((await page.title()) + (await page.getByRole('heading', { level: 1 }).innerText()), new RegExp(this.home, 'i'));
  }

  async signOut(page) {
    const button = page.getByRole('button', { name: words.signOut });
    if (!(await button.isVisible())) await page.locator('summary').filter({ hasText: words.account }).click();
    await button.click();
    await page.getByLabel(words.password).waitFor();
  }
}
