// The browser tests: starts the demo on a free port and a temporary folder, starts Chromium, runs the files.
//
//   node run.mjs                    all of them
//   node run.mjs newcomer forms     only these
//
// BULKHEAD_BIN  the program (default: target/debug/bulkhead)
// CHROMIUM      the browser (default: chromium on the path)
// HEADED=1      shows the browser

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { Person } from './person.mjs';
import { paths } from './words.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const files = ['newcomer', 'factors', 'kept', 'portal', 'buttons', 'pages', 'forms', 'steady', 'submit'];
const out = join(here, 'out');
const program = resolve(process.env.BULKHEAD_BIN || join(here, '../../target/debug/bulkhead'));
const longestTest = 180_000;

const chosen = process.argv.slice(2).map((name) => name.replace(/\.mjs$/, ''));
for (const name of chosen) {
  if (![...files, 'pictures'].includes(name)) {
    console.error(`There is no "${name}"; there are: ${files.join(', ')}`);
    process.exit(2);
  }
}

// -------------------------------------------------------- what was started, and how it ends

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-browser-'));
let server = null;
const others = []; // servers beside the demo
let browser = null;
let ending = false;

async function end() {
  ending = true;
  await browser?.close().catch(() => {});
  for (const child of others) child.kill('SIGKILL');
  if (server && server.exitCode === null && server.signalCode === null) {
    const gone = new Promise((done) => server.once('exit', done));
    server.kill('SIGTERM');
    await Promise.race([gone, sleep(3_000)]);
    if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
  process.once(signal, async () => {
    await end();
    process.exit(code);
  });
}
process.stdout.on('error', () => {}); // nobody listens any more: no reason to leave things behind
process.once('exit', () => {
  for (const child of others) child.kill('SIGKILL');
  if (server && server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
});

// -------------------------------------------------------- the server and the browser

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** Starts the demo; gives back what it prints: address, company, e-mail and password of its administrator. */
async function startDemo() {
  const data = join(folder, 'data');
  const log = createWriteStream(join(out, 'server.log'));
  server = spawn(program, ['demo', '--listen', `127.0.0.1:${await freePort()}`], {
    env: { ...process.env, BULKHEAD_DATA: data },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  server.stdout.on('data', (text) => (printed += text));
  server.stdout.pipe(log, { end: false });
  server.stderr.pipe(log, { end: false });
  let ended = null;
  server.once('error', (error) => (ended = `could not be started: ${error.message}`));
  server.once('exit', (code, signal) => (ended = `ended by itself (${signal ?? code})`));

  const until = Date.now() + 180_000;
  while (Date.now() < until) {
    if (ended) throw new Error(`${program} demo ${ended}; what it said is in tests/browser/out/server.log`);
    const told = read(printed);
    if (told && (await isReady(told.address))) return { ...told, data };
    await sleep(100);
  }
  throw new Error(`the demo was not ready after three minutes; what it said is in tests/browser/out/server.log`);
}

/** The demo's results, as lines `name: value` or, asked with --json, as one document. */
function read(printed) {
  let told = {};
  if (printed.trimStart().startsWith('{')) {
    try {
      told = JSON.parse(printed);
    } catch {
      return null; // not all of it is here yet
    }
  } else {
    for (const [, name, value] of printed.matchAll(/^(address|company|email|password): (.+)\n/gm)) told[name] = value.trim();
  }
  const { address, company, email, password } = told;
  return address && company && email && password ? { address: new URL(address).origin, company, email, password } : null;
}

async function isReady(address) {
  const answer = await fetch(address + paths.ready).catch(() => null);
  return answer?.ok ?? false;
}

function startBrowser() {
  const name = process.env.CHROMIUM || 'chromium';
  const executablePath = name.includes('/') ? name : execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  // Its profile is a new temporary folder each time, and so is its home.
  return chromium.launch({
    executablePath,
    headless: !process.env.HEADED,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    env: { ...process.env, HOME: folder },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

// -------------------------------------------------------- what a test file is given

class Run {
  passed = 0;
  failed = 0;
  person = null; // the demo's administrator
  #sessions = new Map(); // cookies of those who are signed in
  #signedInAt = new Map(); // when, for those who can sign in again
  #operator = null;
  #faults = [];

  constructor(demo) {
    this.demo = demo;
    this.out = out;
    this.origins = new Set([demo.address]); // what the browser may ask
    this.person = new Person(demo);
    this.axe = readFileSync(join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');
  }

  /** A fresh browser window. Whatever goes wrong in its pages fails the test that is running. */
  async window(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(10_000);
    context.on('console', (message) => {
      // A refused page or form is told by its status; everything else the browser complains of is a fault.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.fault(message.text());
    });
    context.on('weberror', (error) => this.fault(`script error: ${error.error().stack ?? error.error()}`));
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && !this.origins.has(origin)) this.fault(`request to another origin: ${request.url()}`);
    });
    context.on('response', (response) => {
      const kind = response.request().resourceType();
      const ofAForm = response.status() === 422 && response.request().method() === 'POST';
      if (response.status() >= 400 && kind !== 'document' && !ofAForm) this.fault(`${response.status()} for ${response.url()}`);
    });
    context.on('page', (page) => page.on('requestfailed', (request) => {
      // Going on to another page breaks off what the last one was still listening to.
      if (request.failure()?.errorText !== 'net::ERR_ABORTED') this.fault(`${request.failure()?.errorText} for ${request.url()}`);
    }));
    return context;
  }

  /** A window of somebody, the demo's administrator unless another is named, signed in not longer ago than five minutes:
   *  what changes access asks after ten for a fresh proof. */
  async signedIn(options = {}, person = this.person) {
    const since = this.#signedInAt.get(person);
    if (!this.#sessions.has(person) || (since && Date.now() - since > 300_000)) {
      const context = await this.window();
      await person.signIn(await context.newPage());
      this.#sessions.set(person, await context.storageState());
      this.#signedInAt.set(person, Date.now());
      await context.close();
    }
    return this.window({ ...options, storageState: this.#sessions.get(person) });
  }

  /** Somebody's cookies, who has signed in elsewhere. */
  keep(person, cookies) {
    this.#sessions.set(person, cookies);
    if (person === this.person) this.#signedInAt.set(person, Date.now());
  }

  /** The administrator of the operator's own compartment, which is founded when first asked for. */
  async operator() {
    if (!this.#operator) {
      const [email, password] = ['olga@operator.test', 'seven lanterns over the harbour'];
      const names = ['--name', 'Operator', '--admin-name', 'Olga', '--admin-email', email, '--admin-password-stdin'];
      await this.command(['company', 'create', 'operator', ...names], `${password}\n`);
      this.#operator = new Person({ address: this.demo.address, company: 'operator', email, password, home: 'Companies' });
    }
    return this.#operator;
  }

  fault(text) {
    if (!this.#faults.includes(text)) this.#faults.push(text);
  }

  /** Faults seen since the last look. */
  takeFaults() {
    return this.#faults.splice(0);
  }

  /** Runs `bulkhead` on the demo's data folder; gives back what it prints on stdout. */
  command(args, input = '') {
    return new Promise((done, fail) => {
      const child = execFile(program, args, { env: { ...process.env, BULKHEAD_DATA: this.demo.data } }, (error, stdout, stderr) =>
        error ? fail(new Error(`bulkhead ${args.join(' ')}: ${error.message}\n${stderr}`)) : done(stdout));
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }

  /** Starts a server without any company; gives back the address of its set-up page. */
  async firstStart() {
    const settings = { env: { ...process.env, BULKHEAD_DATA: join(folder, 'empty') }, stdio: ['ignore', 'pipe', 'ignore'] };
    const child = spawn(program, ['serve', '--listen', `127.0.0.1:${await freePort()}`], settings);
    others.push(child);
    let printed = '';
    child.stdout.on('data', (text) => (printed += text));
    for (const until = Date.now() + 30_000; Date.now() < until; await sleep(50)) {
      const link = printed.match(/^setup: (\S+)\n/m)?.[1];
      if (!link) continue;
      this.origins.add(new URL(link).origin);
      return link;
    }
    throw new Error('the first start printed no set-up link');
  }

  /** A quarter of an hour passes for this user's sessions, as far as their last proof goes. */
  async later(user) {
    const file = join(this.demo.data, 'companies', this.demo.company, 'company.db');
    const sql = `UPDATE sessions SET proved_at = proved_at - 900000 WHERE user_id = ${Number(user.split('-')[1])}`;
    execFileSync('sqlite3', ['-cmd', '.timeout 30000', file, sql]);
  }

  /** One request to the demo's API, in the name of its administrator; gives back the answer's document. */
  async api(method, path, body) {
    const { key } = JSON.parse(readFileSync(join(this.demo.data, 'demo.json'), 'utf8'));
    const answer = await fetch(`${this.demo.address}/${this.demo.company}/api${path}`, {
      method,
      headers: { 'X-Octopus-ApiKey': key, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** One test, one line. `page` is photographed if it fails. True if it passed. */
  async test(name, page, body) {
    const began = Date.now();
    let timer;
    this.takeFaults();
    try {
      const late = new Promise((_, fail) => {
        timer = setTimeout(() => fail(new Error(`took longer than ${longestTest / 1000} s`)), longestTest);
      });
      await Promise.race([body(), late]);
      assert.deepEqual(this.takeFaults(), [], 'the browser saw faults');
      this.passed++;
      console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      return true;
    } catch (error) {
      this.failed++;
      if (ending) return false; // the browser was taken away
      console.log(`FAILED  ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      const said = error instanceof assert.AssertionError || error.name === 'TimeoutError' ? error.message : error.stack;
      console.log(indent([plain(said), whereFrom(error), ...this.takeFaults()].filter(Boolean).join('\n')));
      if (page && !page.isClosed()) {
        const photo = `FAILED-${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 80)}.png`;
        await page.screenshot({ path: join(out, photo), fullPage: true }).catch(() => {});
        const text = await page.locator('body').innerText({ timeout: 1_000 }).catch(() => '');
        console.log(indent(`at ${page.url()}, see tests/browser/out/${photo}\n${text.slice(0, 1_500)}`));
      }
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** axe's findings on a page, one line each. */
  async violations(page) {
    await page.evaluate(this.axe);
    return page.evaluate(async () => {
      const { violations } = await window.axe.run({ rules: { 'target-size': { enabled: true } } });
      return violations.flatMap((v) => v.nodes.map((n) => `axe ${v.id}: ${v.help}: ${n.target.join(' ')}: ${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''}`));
    });
  }
}

const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, '');
const indent = (text) => text.trimEnd().replace(/^/gm, '        ');

/** The line of a test file where it went wrong. */
function whereFrom(error) {
  const line = error.stack?.split('\n').find((l) => /tests\/browser\/(newcomer|factors|portal|buttons|pages|forms|submit|steady|crawl|person)\.mjs/.test(l));
  return line ? `in ${line.replace(/.*tests\/browser\//, '').replace(/\)$/, '')}` : '';
}

// -------------------------------------------------------- all of it

let code = 1;
try {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const run = new Run(await startDemo());
  browser = await startBrowser();
  console.log(`Chromium ${browser.version()}, ${program}`);
  for (const name of chosen.length ? chosen : files) {
    if (ending) break;
    console.log(`\n${name}`);
    const { default: tests } = await import(pathToFileURL(join(here, `${name}.mjs`)));
    await tests(run).catch((error) => {
      run.failed++;
      if (ending) return;
      console.log(`FAILED  ${name} broke off\n${indent(error.stack ?? String(error))}`);
    });
  }
  writeFileSync(join(out, 'result.json'), JSON.stringify({ passed: run.passed, failed: run.failed }) + '\n');
  if (!ending) console.log(`\nbrowser: ${run.passed} passed, ${run.failed} failed`);
  code = run.failed || !run.passed ? 1 : 0;
} catch (error) {
  if (!ending) console.log(`FAILED  ${error.stack ?? error}\n\nbrowser: 0 passed, 1 failed`);
}
if (!ending) {
  await end();
  process.exit(code);
}
