// Renews the region of a live page by asking for that page again, and copies references. It only reads: nothing that a
// page holds can make it send a form, or ask another address.
for (const button of document.querySelectorAll("button[data-copied]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = button.dataset.copied;
    });
}

const region = document.querySelector("[data-live]");
if (region) {
    const STILL_MS = 15 * 60 * 1000; // as long as the console stays open without a page that is asked for by hand
    const said = document.getElementById("live");
    // The page trusts no other way to make elements of text, and the text is our own page, escaped by the server.
    const policy = window.trustedTypes?.createPolicy("bastion", { createHTML: (text) => text });
    const all = (name) => [...region.querySelectorAll(name)];
    let touched = Date.now();
    let shown = "";

    const say = (state) => {
        const words = said.dataset[state];
        if (said.textContent !== words) said.textContent = words;
    };
    const go = (state) => say(state) ?? true;
    const stop = (state) => say(state) ?? false;
    const busy = () => {
        const chosen = getSelection();
        return region.contains(document.activeElement) || (!chosen.isCollapsed && chosen.containsNode(region, true));
    };
    const put = (text) => {
        if (text === shown) return;
        shown = text;
        const open = all("details").map((one) => one.open);
        const left = all(".scroll").map((one) => one.scrollLeft);
        const page = new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");
        region.replaceChildren(...page.body.childNodes);
        all("details").forEach((one, at) => (one.open = open[at] ?? false));
        all(".scroll").forEach((one, at) => (one.scrollLeft = left[at] ?? 0));
    };
    // Whether to go on.
    const renew = async () => {
        if (document.hidden) return true;
        if (Date.now() - touched > STILL_MS) return stop("still");
        if (busy()) return go("paused");
        try {
            const headers = { "Bastion-Live": "1" };
            const answer = await fetch(location.href, { headers, redirect: "manual", signal: AbortSignal.timeout(10_000) });
            if (answer.ok) {
                const text = await answer.text();
                if (!busy()) put(text);
                return go("on");
            }
            return answer.status >= 500 || answer.status === 429 ? go("lost") : stop("over");
        } catch {
            return go("lost");
        }
    };
    const wait = () => setTimeout(async () => (await renew()) && wait(), region.dataset.live * 1000);

    for (const hand of ["pointerdown", "pointermove", "keydown", "wheel"]) {
        addEventListener(hand, () => (touched = Date.now()), { passive: true });
    }
    say("on");
    wait();
}
