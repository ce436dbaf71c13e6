// Presses the one button of the sign-in page, so that the link's token leaves the address at once.
document.querySelector("[data-sign-in]")?.requestSubmit();
