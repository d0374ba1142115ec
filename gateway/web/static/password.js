// Tells while typing what is still missing. The server decides: it also knows what is easy to guess.
const rules = document.getElementById("rules");
const [chosen, again] = ["new", "again"].map((id) => document.getElementById(id));
if (rules) {
    const words = rules.textContent;
    const tell = () => {
        const missing = rules.dataset.least - [...chosen.value.normalize("NFKC")].length;
        if (chosen.value === "") rules.textContent = words;
        else if (missing > 0) rules.textContent = `${missing} more character${missing === 1 ? "" : "s"}.`;
        else if (again.value !== "" && again.value !== chosen.value) rules.textContent = "The two are not the same.";
        else rules.textContent = "Long enough.";
    };
    chosen.addEventListener("input", tell);
    again.addEventListener("input", tell);
}
