// Addresses such as /acme/app#/Spaces-1/releases/Releases-7 are printed by command-line clients.
const company = location.pathname.split("/")[1];
const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
const kinds = ["projects", "tenants", "environments", "releases"];
const kind = parts.find((part) => kinds.includes(part));
if (parts[0] === "users") {
  location.replace(`/${company}/me`);
} else if (kind) {
  const id = parts[parts.indexOf(kind) + 1] ?? "";
  location.replace(`/${company}/go/${encodeURIComponent(parts[0])}/${kind}/${encodeURIComponent(id)}`);
} else {
  location.replace(`/${company}`);
}
