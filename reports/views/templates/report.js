"use strict";
(() => {
  const form = document.getElementById("transcript-filters");
  const transcripts = [...document.querySelectorAll(".transcript")];
  const cells = [...document.querySelectorAll(".cell")];

  const filter = () => {
    const { text, ...fields } = Object.fromEntries(new FormData(form));
    const wanted = text.trim().toLowerCase();
    for (const transcript of transcripts) {
      transcript.hidden =
        Object.entries(fields).some(([name, value]) => value && transcript.dataset[name] !== value) ||
        !transcript.textContent.toLowerCase().includes(wanted);
    }
    for (const cell of cells) cell.hidden = !cell.querySelector(".transcript:not([hidden])");
    const shown = transcripts.filter((transcript) => !transcript.hidden).length;
    form.querySelector("output").value = `${shown} of ${transcripts.length} shown`;
  };

  const reveal = () => {
    const cell = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!cell?.classList.contains("cell")) return;
    form.reset();
    cell.scrollIntoView();
  };

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", () => transcripts.forEach((transcript) => (transcript.open = true)));
  filter();

  // what pytest-html leaves out: its language, fitting a phone, names of checkboxes, scrolling by keyboard
  document.documentElement.lang = "en";
  if (!document.querySelector("meta[name=viewport]"))
    document.head.append(Object.assign(document.createElement("meta"), { name: "viewport", content: "width=device-width" }));
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("results-table")?.setAttribute("tabindex", "0");
    for (const box of document.querySelectorAll("input.filter"))
      box.setAttribute("aria-label", `show ${box.dataset.testResult}`);
  });
})();
