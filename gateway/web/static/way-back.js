// What follows # in an address never reaches a server. Redirects carry it on, but a form drops it: this keeps it on the
// way through the login to the page that the person opened.
for (const form of document.forms) {
    form.setAttribute("action", form.getAttribute("action") + location.hash);
}
