// Sends the page's form on, so that nobody has to press its button.
(document.getElementById("onward") ?? document.forms[0]).submit();
