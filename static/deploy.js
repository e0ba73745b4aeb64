// What will happen, anew after each choice: the server draws it, as it does for the button without scripts.

const form = document.querySelector(".deploy")?.closest("form");
const plan = form?.querySelector(".deploy-plan");
let timer = 0, asked = 0;

let moved = false;

async function renew() {
  const mine = ++asked;
  const body = new URLSearchParams(new FormData(form));
  body.set("preview", "1");
  const answer = await fetch(form.action, { method: "POST", body }).catch(() => null);
  // A later choice has overtaken this one, or somebody is typing a way to the button already.
  if (!answer?.ok || mine !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(".deploy-plan");
  if (!fresh || mine !== asked) return;
  // Another place has other tenants that can take it.
  const whom = form.querySelector(".deploy-whom"), others = page.querySelector(".deploy-whom");
  if (moved && whom && others) {
    whom.replaceChildren(...others.childNodes);
    whom.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  }
  moved = false;
  const held = plan.contains(document.activeElement);
  plan.replaceChildren(...fresh.childNodes);
  if (held) plan.querySelector("button.primary")?.focus({ preventScroll: true });
}

if (plan) {
  plan.setAttribute("aria-live", "polite");
  const later = (event) => {
    if (!form.contains(event.target)) return;
    moved ||= event.target.name === "environment";
    clearTimeout(timer);
    timer = setTimeout(renew, 150);
  };
  document.addEventListener("change", later);
  document.addEventListener("picked", later);
}
