"use strict";

/* A long table is narrowed while somebody types, and shows the details of a row below it.
 *
 *   <section data-filter>             with a search field, links with data-kind, and a table
 *   <tr data-row="applied bad">       a row and its kinds
 *   <a href="…" data-details>         what is put below the row; with "part=1" the page sends it alone
 *
 * Without this script the server narrows it, and the link opens a page.
 */
(() => {
    const narrow = (section) => {
        const field = section.querySelector("input[type=search]");
        const kinds = [...section.querySelectorAll("[data-kind]")];
        const rows = [...section.querySelectorAll("tr[data-row]")];
        const none = section.querySelector("[data-filter-none]");
        let kind = "";

        const apply = () => {
            const word = field.value.trim().toLowerCase();
            let shown = 0;
            for (const row of rows) {
                const fits =
                    (kind === "" || row.dataset.row.split(" ").includes(kind)) &&
                    (word === "" || row.textContent.toLowerCase().includes(word));
                row.hidden = !fits;
                if (row.nextElementSibling?.matches("[data-detail]")) {
                    row.nextElementSibling.hidden = !fits;
                }
                shown += fits ? 1 : 0;
            }
            none.hidden = shown > 0;
        };

        // What the server has left out cannot be shown by typing.
        if (location.search !== "") {
            return;
        }
        section.querySelector("[data-filter-button]").hidden = true;
        field.addEventListener("input", apply);
        field.form.addEventListener("submit", (event) => event.preventDefault());
        for (const each of kinds) {
            each.addEventListener("click", (event) => {
                event.preventDefault();
                kind = each.dataset.kind;
                kinds.forEach((one) => one.classList.toggle("desk-do-on", one === each));
                apply();
            });
        }
    };

    const open = async (link) => {
        const row = link.closest("tr");
        const there = row.nextElementSibling;
        if (there?.matches("[data-detail]")) {
            there.remove();
            link.setAttribute("aria-expanded", "false");
            return;
        }
        const address = new URL(link.href);
        address.searchParams.set("part", "1");
        const answer = await fetch(address, { credentials: "same-origin" });
        if (!answer.ok || answer.redirected) {
            location.assign(link.href);
            return;
        }
        const detail = document.createElement("tr");
        detail.dataset.detail = "";
        const cell = document.createElement("td");
        cell.colSpan = row.cells.length;
        cell.innerHTML = await answer.text();
        detail.append(cell);
        if (row.nextElementSibling?.matches("[data-detail]")) {
            return;
        }
        row.after(detail);
        link.setAttribute("aria-expanded", "true");
        document.dispatchEvent(new CustomEvent("desk:swapped", { detail: {} }));
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-filter]").forEach(narrow);
        document.addEventListener("click", (event) => {
            const link = event.target.closest("a[data-details]");
            if (link !== null && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
                event.preventDefault();
                open(link).catch(() => location.assign(link.href));
            }
        });
    });
})();
