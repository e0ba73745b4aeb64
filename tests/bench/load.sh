#!/usr/bin/env bash
# Requests a second and the slow end of them, under load, on this machine.
#
#   tests/bench/load.sh                 builds the release program, starts it on a temporary folder, measures
#   BULKHEAD_BIN=… tests/bench/load.sh  measures that program
#   BARE_BIN=…     tests/bench/load.sh  and beside it a bare server for the ratio: a program that takes
#                                       --listen ADDR:PORT, prints "listening: http://…" and answers /page and /api
#
# SECONDS_EACH (10), CONNECTIONS (32), THREADS (1) and ROUNDS (3) may be set; the best round counts.
# Needs wrk (Debian: apt-get install wrk) and Node.js, which signs in.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."

seconds=${SECONDS_EACH:-10} connections=${CONNECTIONS:-32} threads=${THREADS:-1} rounds=${ROUNDS:-3}
company=harbour email=ada@harbour.test password="load test of harbour"

for tool in wrk node; do
  command -v "$tool" >/dev/null || { echo "load.sh: $tool is missing (Debian: apt-get install $tool)" >&2; exit 1; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-load.XXXXXX")
started=()
finish() {
  local pid
  for pid in "${started[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [[ -z ${BULKHEAD_BIN:-} ]]; then
  cargo build --release --locked --bin bulkhead --message-format=json-render-diagnostics >"$work/build.json"
  BULKHEAD_BIN=$(sed -n 's|.*"executable":"\([^"]*/bulkhead\)".*|\1|p' "$work/build.json" | tail -n 1)
fi
export BULKHEAD_DATA=$work/data

# start NAME PROGRAM ARGUMENTS…: waits for the line "listening: http://…" and leaves the address in $base.
start() {
  local name=$1 tries
  shift
  "$@" >"$work/$name.out" 2>"$work/$name.err" &
  started+=("$!")
  for ((tries = 0; tries < 600; tries++)); do
    base=$(sed -n 's/^listening: //p' "$work/$name.out" | head -n 1)
    if [[ -n $base ]]; then base=${base%/}; return; fi
    kill -0 "${started[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "load.sh: $name did not start:" >&2
  cat "$work/$name.out" "$work/$name.err" >&2
  exit 1
}

# measure NAME ADDRESS [HEADER]: one line of figures; requests a second go to the array "rate".
declare -A rate
measure() {
  local name=$1 address=$2 header=${3:-X-Load: yes} best="" round
  for ((round = 0; round < rounds; round++)); do
    wrk -t "$threads" -c "$connections" -d "${seconds}s" --latency -H "$header" "$address" >"$work/wrk"
    if grep -q 'Non-2xx' "$work/wrk"; then
      echo "load.sh: $name: not every answer was a success:" >&2
      cat "$work/wrk" >&2
      exit 1
    fi
    best=$({ [[ -z $best ]] || printf '%s\n' "$best"; awk '/Requests\/sec/ { r = $2 } $1 == "50%" { h = $2 } $1 == "99%" { s = $2 } END { print r, h, s }' "$work/wrk"; } | sort -rn | head -n 1)
  done
  read -r rate["$name"] half slow <<<"$best"
  printf '%-24s%10.0f requests/s   half within %8s   99 %% within %8s\n' "$name" "${rate[$name]}" "$half" "$slow"
}

ratio() {
  awk -v a="${rate[$1]}" -v b="${rate[$2]}" -v n="$1" -v m="$2" 'BEGIN { printf "%s : %s = %.2f\n", n, m, a / b }'
}

# As a browser: password, then the code of a telephone enrolled on the spot. Prints the cookies.
sign_in() {
  node --input-type=module - "$PWD" "$1" "$company" "$email" "$password" <<'JS'
const [root, base, company, email, password] = process.argv.slice(2);
const { totp } = await import(`${root}/tests/browser/person.mjs`);
const cookies = new Map();
async function ask(path, form) {
  const address = new URL(path, base);
  const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), origin: base };
  const answer = await fetch(address, { redirect: 'manual', headers, ...(form && { method: 'POST', body: new URLSearchParams(form) }) });
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (/max-age=0/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }
  const next = answer.headers.get('location');
  return next ? ask(next) : { address: address.pathname, text: await answer.text() };
}
const page = await ask(`/${company}/login`, { company, email, password });
const secret = /id="totp-secret"[^>]*>([^<]+)/.exec(page.text)?.[1].replace(/\s/g, '');
if (!secret) throw new Error(`no enrolment after the password, but:\n${page.text.slice(0, 2000)}`);
const action = /<form[^>]* action="([^"]+)"[^>]*>(?:(?!<form)[\s\S])*name="code"/.exec(page.text)?.[1] ?? page.address;
await ask(action, { code: totp(secret, Date.now() / 1000) });
// wrk takes a redirect for a success: make sure that there will be none.
const home = await ask(`/${company}`);
if (/name="password"/.test(home.text)) throw new Error('signed in, and yet sent to the sign-in page');
console.log([...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
JS
}

start bulkhead "$BULKHEAD_BIN" serve --listen 127.0.0.1:0
key=$(printf '%s\n' "$password" | "$BULKHEAD_BIN" company create "$company" --name "Harbour Ltd" --admin-name Ada \
  --admin-email "$email" --admin-password-stdin --api-key | tail -n 1)
cookies=$(sign_in "$base")

echo "$connections connections from $threads threads, $rounds rounds of $seconds s, $(nproc) processors"
measure "no work (/healthz)" "$base/healthz"
measure "API read" "$base/$company/api/spaces" "X-Octopus-ApiKey: $key"
measure "signed-in page" "$base/$company" "Cookie: $cookies"

if [[ -n ${BARE_BIN:-} ]]; then
  start bare "$BARE_BIN" --listen 127.0.0.1:0
  measure "bare API read" "$base/api"
  measure "bare page" "$base/page"
  echo
  ratio "API read" "bare API read"
  ratio "signed-in page" "bare page"
fi
