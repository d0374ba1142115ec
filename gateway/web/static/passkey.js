// Hands the page's question to the browser and posts its answer. The server decides; what went wrong is said in the page.
const form = document.getElementById("passkey");
const said = document.getElementById("passkey-said");
const { options, ceremony, autofill, cancelled, known, old, failed } = form.dataset;
const parse = window.PublicKeyCredential?.[`parse${ceremony === "create" ? "Creation" : "Request"}OptionsFromJSON`];
let waiting = new AbortController();

async function ask(more, say) {
    waiting.abort(); // autofill, where the button is pressed after all
    waiting = new AbortController();
    try {
        const publicKey = parse.call(PublicKeyCredential, JSON.parse(options));
        const answer = await navigator.credentials[ceremony]({ publicKey, signal: waiting.signal, ...more });
        form.elements.answer.value = JSON.stringify(answer);
        if (form.elements.keep) form.elements.keep.value = document.getElementById("keep").checked ? "yes" : "";
        form.submit();
    } catch (error) {
        if (error.name !== "AbortError") say({ NotAllowedError: cancelled, InvalidStateError: known }[error.name] ?? failed);
    }
}

function show(words) {
    said.textContent = words;
    said.className = "alert";
    said.hidden = false;
}

said.hidden = true; // until now it says what the page needs
form.hidden = false;
form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (parse) ask({}, show);
    else show(old);
});
if (autofill && parse && (await PublicKeyCredential.isConditionalMediationAvailable?.())) {
    ask({ mediation: "conditional" }, () => {});
}
