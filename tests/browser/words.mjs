// The words, addresses and marks the browser tests go by: when the pages change their words, this file changes.
// People find things by label and role; where a test must read something no label names, a mark (an id) stands here.

export const words = {
  // Sign-in
  company: /^company/i,
  email: /^e-?mail/i,
  password: /^password/i,
  signIn: /^(sign in|continue)/i,
  code: /code/i,
  enrol: /^(confirm|turn on|enrol|continue|verify|finish)/i, // the button under the code, when enrolling
  confirmCode: /^(confirm|verify|sign in|continue)/i, // the button under the code, when signing in
  codeRefused: /code/i, // stands in the error after a used code
  signOut: /^sign out/i,

  // The way to a deployment
  dashboard: /dashboard/i, // heading of the page one arrives at, or its title
  navigation: { dashboard: 'Dashboard', projects: 'Projects', trail: 'Trail' },
  deploy: /^deploy/i, // on the release's page
  environment: /^environments?/i,
  tenants: /^tenants?/i,
  pressDeploy: /^deploy/i, // the button that says what will happen

  // What a task may end as
  success: /success/i,
  final: /success|failed|cancell?ed|timed ?out|unknown/i,
  trailEntry: /deploy/i,
};

export const marks = {
  secret: '#totp-secret',
  qr: 'main svg, main img[alt*="QR" i]',
  error: '[role=alert], [aria-invalid=true]',
  userMenu: 'header summary, header [aria-haspopup]', // the last of them is the person's
  projectLink: 'main a[href*="/projects/"]',
  releaseLink: 'main a[href*="/releases/"]',
  taskState: '#task-state',
  logLine: '[role=log] [id^="line-"]',
  summaryLink: '[role=alert] a[href^="#"]', // the errors above a form, each a link to its field
};

export const paths = {
  login: '/login',
  ready: '/readyz',
  home: (company) => `/${company}`,
  // A page with a form that makes something.
  create: /\/(new|add|invite|deploy)$/,
  // The names after which a thing's own name follows: what makes two pages the same kind.
  collections: new Set([
    'projects', 'releases', 'deployments', 'tenants', 'environments', 'targets', 'workers', 'accounts', 'certificates',
    'policies', 'feeds', 'packages', 'variable-sets', 'lifecycles', 'tag-sets', 'step-templates', 'project-groups',
    'tasks', 'people', 'teams', 'roles', 'runbooks', 'channels', 'triggers', 'steps', 'events', 'spaces', 'trail',
    'runs', 'snapshots', 'tags', 'grants', 'assignments', 'keys', 'members',
  ]),
  // Words that may follow one of those without being a name.
  verbs: new Set(['new', 'add', 'invite', 'edit', 'delete', 'remove', 'export', 'settings']),
  // Links that lead to files or end the session.
  notPages: /\/(raw|download|logout|sign-out|api|static)(\/|$)|\.[a-z]{2,4}$/,
};
