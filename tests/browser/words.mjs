// The words, addresses and marks the browser tests go by: when the pages change their words, this file changes.
// People find things by label and role; where a test must read something no label names, a mark (an id) stands here.

export const words = {
  // Sign-in
  company: /^company/i,
  email: /^e-?mail/i,
  password: /^password/i,
  signIn: /^(sign in|continue)/i,
  enrol: /^(confirm|turn on|enrol|continue|verify|finish)/i, // the button under the code, when enrolling
  codesKept: /I have kept them/,
  confirmCode: /^(confirm|verify|sign in|continue)/i, // the button under the code, when signing in
  codeRefused: /code/i, // stands in the error after a used code
  account: /your account/i, // the menu at the top right
  signOut: /^sign out/i,

  // The way to a deployment
  dashboard: /dashboard/i, // heading of the page one arrives at, or its title
  navigation: { dashboard: 'Dashboard', projects: 'Projects', trail: 'Trail' },
  deploy: /^deploy/i, // on the release's page
  environment: /^(where to|environment)/i,
  tenants: /tenant/i,
  preview: /^show what will happen/i,
  pressDeploy: /^deploy/i, // the button that says what will happen

  // What a task may end as
  success: /success/i,
  final: /success|failed|cancell?ed|timed ?out|unknown/i,
  trailEntry: /deploy/i,
};

export const marks = {
  code: 'input[name=code]', // six digits, when enrolling and when signing in
  secret: '#totp-secret',
  recoveryCodes: '#recovery-codes',
  qr: 'main svg[role=img]',
  error: '[role=alert], [aria-invalid=true]',
  projectLink: 'main th[scope=row] a[href*="/projects/"]',
  releaseLink: 'main a[href*="/releases/"]:not([href$="/new"]):not([href*="/deployments"])',
  taskState: '[data-task-state]',
  logLine: '[id^="line-"]',
  // A form that makes something, its button, its fields with errors, and the errors above it, each a link to its field.
  form: 'main form[method=post]:has(input:not([type=hidden]), textarea, select)',
  send: 'button:not([type=button]):not([name=preview]):not([name=step])',
  invalid: 'main :is([aria-invalid=true], fieldset[aria-describedby*="-error"])',
  secretText: 'textarea[name=key]', // what is secret does not come back
  summaryLink: '[role=alert] a[href^="#"]',
};

export const paths = {
  login: '/login',
  ready: '/readyz',
  home: (company) => `/${company}`,
  // A page with a form that makes something.
  create: /\/(new|invite|new-service-account|clone)$/,
  // Pages to which no other leads: they are reached from clients, and from the middle of the sign-in.
  // The proof stands before what needs one, and passkeys are offered where the browser can make them.
  unlinked: (company) =>
    ['app', 'go/Spaces-1/projects/Projects-1', 'search?q=shop', 'me/proof', 'me/factors/passkey'].map((path) => `/${company}/${path}`),
};
