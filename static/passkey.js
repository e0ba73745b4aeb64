// Passkeys: asks the browser for what the page was given, and sends the answer as a field of the form around it.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const ids = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

function asked(options) {
  const key = options.publicKey;
  return {
    ...key,
    challenge: bytes(key.challenge),
    ...(key.user && { user: { ...key.user, id: bytes(key.user.id) } }),
    ...(key.excludeCredentials && { excludeCredentials: ids(key.excludeCredentials) }),
    ...(key.allowCredentials && { allowCredentials: ids(key.allowCredentials) }),
  };
}

function answered(credential) {
  const { response } = credential;
  const parts = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  if (response.getTransports) parts.transports = response.getTransports();
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    extensions: credential.getClientExtensionResults(),
    response: parts,
  });
}

const words = {
  NotAllowedError: "Nothing was unlocked. Try again, or use another way.",
  InvalidStateError: "This device has a passkey for this account already.",
  NotSupportedError: "This device cannot make the passkey that is needed here.",
  SecurityError: "Passkeys do not work at this address.",
};

for (const part of document.querySelectorAll("[data-passkey]")) {
  const button = part.querySelector("button");
  const error = part.querySelector("[role=alert]");
  const form = part.closest("form");
  const use = async () => {
    // The form around it has nothing but this way: what else it asks for belongs to it.
    if (!form.reportValidity()) return;
    button.disabled = true;
    error.hidden = true;
    try {
      const publicKey = asked(JSON.parse(part.dataset.options));
      const credential = part.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
      part.querySelector("input[name$=passkey]").value = answered(credential);
      HTMLFormElement.prototype.submit.call(form);
    } catch (problem) {
      error.textContent = words[problem.name] ?? "Your browser could not use a passkey. Try again, or use another way.";
      error.hidden = false;
      button.disabled = false;
    }
  };
  part.hidden = false;
  button.addEventListener("click", use);
  if ("auto" in part.dataset) use();
}
