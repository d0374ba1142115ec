// The page has one form, which brings the app its answer.
document.forms[0].submit();
