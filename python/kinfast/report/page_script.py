"""The pages' only script: columns that sort, and a field that filters a long table's rows. Without it all rows show."""

FEWEST_TO_FILTER = 12
"""Rows from which a table gets a field to filter by."""

SCRIPT = """
"use strict";
(() => {
  const text = (row, i) => row.cells[i] ? row.cells[i].textContent.trim() : "";
  const key = (row, i) => { const small = row.cells[i] && row.cells[i].querySelector("small");
    const own = small ? text(row, i).replace(small.textContent, "") : text(row, i);
    const bare = own.replace(/,(?=\\d{3})/g, "").replace("\\u2212", "-");
    return /^[-+]?[\\d.]+(e[-+]?\\d+)?\\s*%?$/i.test(bare.trim()) ? parseFloat(bare) : own; };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b);
  const empty = (value) => value === "" || value === "\\u2013";
  function sort(table, place, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0], rows = [...body.rows].map((row) => [key(row, place), row]);
    rows.sort(([a], [b]) => empty(a) || empty(b) ? empty(a) - empty(b) : (down ? -1 : 1) * compare(a, b));
    body.append(...rows.map(([, row]) => row));
  }
  function addFilter(table) {
    const label = document.createElement("label"), field = document.createElement("input");
    const count = document.createElement("span"), rows = [...table.tBodies[0].rows];
    label.className = "filter"; field.type = "search"; count.setAttribute("aria-live", "polite");
    const say = (n) => { count.textContent = n + " of " + rows.length + " rows"; };
    field.addEventListener("input", () => { const words = field.value.toLowerCase(); let n = 0;
      for (const row of rows) { row.hidden = !row.textContent.toLowerCase().includes(words); n += !row.hidden; }
      say(n); });
    label.append("Filter", field, count); say(rows.length);
    table.parentElement.before(label);
  }
  for (const table of document.querySelectorAll(".table table")) {
    if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button"); button.type = "button";
      button.append(...head.childNodes); head.append(button);
      button.addEventListener("click", () => sort(table, place, head)); });
    if (table.tBodies[0].rows.length >= FEWEST) addFilter(table);
  }
})();
""".replace("FEWEST", str(FEWEST_TO_FILTER))
