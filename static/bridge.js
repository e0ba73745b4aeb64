// Addresses such as /acme/app#/Spaces-1/releases/Releases-7 are printed by command-line clients.
// What stands before the company's paths: /acme, or nothing under a host name of its own.
const base = location.pathname.replace(/\/app\/?$/i, "");
const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
const kinds = ["projects", "tenants", "environments", "releases"];
const kind = parts.find((part) => kinds.includes(part));
if (parts[0] === "users") {
  location.replace(`${base}/me`);
} else if (kind) {
  const id = parts[parts.indexOf(kind) + 1] ?? "";
  location.replace(`${base}/go/${encodeURIComponent(parts[0])}/${kind}/${encodeURIComponent(id)}`);
} else {
  location.replace(base || "/");
}
