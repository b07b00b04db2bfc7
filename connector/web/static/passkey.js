// Hands the question in the page to the browser's authenticator, and posts what it answers.
// The page works without: then another way to sign in is used.
const form = document.querySelector("form[data-passkey]");
const isNew = form?.dataset.passkey === "create";
const api = window.PublicKeyCredential;
const parse = isNew ? api?.parseCreationOptionsFromJSON : api?.parseRequestOptionsFromJSON;
let waiting = new AbortController();

async function answer(mediation) {
  waiting.abort();
  waiting = new AbortController();
  const publicKey = parse.call(api, JSON.parse(form.dataset.options));
  const wanted = { publicKey, mediation, signal: waiting.signal };
  const credential = await (isNew
    ? navigator.credentials.create({ publicKey, signal: waiting.signal })
    : navigator.credentials.get(wanted));
  form.elements.response.value = JSON.stringify(credential.toJSON());
  form.submit();
}

function show(name) {
  for (const each of document.querySelectorAll("[data-when]")) {
    if (each.dataset.when.split(" ").includes(name)) each.hidden = false;
    else if (each.dataset.when !== "able") each.hidden = true;
  }
}

async function ask(event) {
  event.preventDefault();
  form.querySelector("button").disabled = true;
  try {
    await answer();
  } catch (error) {
    form.querySelector("button").disabled = false;
    show(error.name === "InvalidStateError" ? "known" : "failed");
  }
}

if (form && parse) {
  show("able");
  form.addEventListener("submit", ask);
  if (form.dataset.mediation === "conditional" && (await api.isConditionalMediationAvailable?.())) {
    answer("conditional").catch(() => {}); // nobody asked for it: the form is still there
  }
} else if (form) {
  show("unable");
}
