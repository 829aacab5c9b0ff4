"use strict";

/* The theme opens and closes things by a click on elements that no keyboard reaches, and leaves some without a name.
 * Here they become buttons: they take the focus, Enter and Space press them, and a screen reader says what they are. */
(() => {
    const NATIVE = "a[href], button, input, select, textarea, label, summary, option";
    const REACHED = `${NATIVE}, [tabindex]`;

    /** What answers a click, and has nothing inside that could be reached instead. */
    const pressable = (each) =>
        !each.matches(REACHED) && !each.id.endsWith("-close") && each.querySelector(REACHED) === null;

    const makeButton = (each) => {
        each.tabIndex = 0;
        each.setAttribute("role", "button");
        each.addEventListener("keydown", (event) => {
            if (event.target === each && (event.key === "Enter" || event.key === " ")) {
                event.preventDefault();
                each.click();
            }
        });
    };

    /** A symbol is drawn by its name, which nobody should hear; where it stands alone, it is told by words. */
    const silence = (symbol) => {
        const control = symbol.closest("a, button, [role=button]");
        const told = control && (control.title || control.getAttribute("aria-label"));
        const words = document.getElementById("control-names")?.dataset[symbol.textContent.trim()];
        if (control && !told && words && control.textContent.trim() === symbol.textContent.trim()) {
            control.setAttribute("aria-label", words);
        }
        if (symbol !== control) {
            symbol.setAttribute("aria-hidden", "true");
        }
    };

    /** The theme's and Django's choices stand in for a select, without its label. */
    const nameChoice = (container) => {
        const select = container.previousElementSibling;
        const text =
            select?.getAttribute?.("aria-label") ??
            document.querySelector(`label[for="${select?.id}"]`)?.textContent ??
            "";
        container
            .querySelectorAll("[role=combobox], [role=textbox], textarea, input")
            .forEach((each) => each.setAttribute("aria-label", text.replace("*", "").trim()));
    };

    /** What the head of each column says, without the “?” behind it; of two lines, both. */
    const headsOf = (table) => {
        const [heads, spanned] = [[], []];
        const isTold = (each) => !each.matches?.("button, [popover]");
        const words = (head) =>
            [...head.childNodes].filter(isTold).map((each) => each.textContent.trim()).filter(Boolean).join(" ");
        [...(table.tHead?.rows ?? [])].forEach((row, line) => {
            let at = 0;
            for (const head of row.cells) {
                while (spanned[at] > line) {
                    at += 1;
                }
                for (const end = at + head.colSpan; at < end; at += 1) {
                    heads[at] = [heads[at], words(head)].filter(Boolean).join(" · ");
                    spanned[at] = line + head.rowSpan;
                }
            }
        });
        return heads;
    };

    /** A wide table is a list of its rows on a phone: each cell then says what its column's head says here. */
    const labelCells = (table) => {
        const heads = headsOf(table);
        for (const row of table.tBodies[0]?.rows ?? []) {
            if (row.cells.length === heads.length) {
                heads.forEach((head, at) => (row.cells[at].dataset.label = head));
            }
        }
        table.dataset.folds = "";
    };

    const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TD: "cell" };
    const PARTS = "thead, tbody, tfoot, tr, th, td";
    const isSeen = (each) => getComputedStyle(each).display !== "none";
    const isListed = (each) => isSeen(each) && !getComputedStyle(each).display.startsWith("table");

    /** Whether it is laid out as a list of its rows now, which takes from its parts what they are. */
    const isFolded = (table) => {
        const rows = [...table.rows].slice(0, 9);
        return [table, ...table.tBodies, ...rows, ...rows.flatMap((row) => [...row.cells])].some(isListed);
    };

    /** A table that is folded says itself what its parts are. A row of heads of which none is shown is nothing. */
    const nameParts = (table) => {
        if (!isFolded(table)) {
            return;
        }
        for (const each of [table, ...table.querySelectorAll(PARTS)]) {
            const isEmpty = each.tagName === "TR" && ![...each.cells].some(isSeen);
            if (!each.hasAttribute("role") && !isEmpty) {
                each.setAttribute("role", ROLES[each.tagName] ?? (each.closest("thead") ? "columnheader" : "rowheader"));
            }
        }
    };

    /** On a phone: one capital letter, where the theme begins every word with one. */
    const capitalLabel = (cell) => (cell.dataset.label = cell.dataset.label.replace(/^./, (first) => first.toUpperCase()));

    const mend = (root) => {
        root.querySelectorAll("td[data-label], th[data-label]").forEach(capitalLabel);
        root.querySelectorAll("table.desk-fold").forEach(labelCells);
        [root.closest?.("table"), ...root.querySelectorAll("table")].forEach((each) => each && nameParts(each));
        root.querySelectorAll("[x-on\\:click]").forEach((each) => pressable(each) && makeButton(each));
        root.querySelectorAll(".material-symbols-outlined").forEach(silence);
        root.querySelectorAll("span[aria-label]:not([role])").forEach((each) => each.setAttribute("role", "img"));
        root.querySelectorAll(".select2-container").forEach(nameChoice);
    };

    const NUMBERS = [":scope >", ":scope > * >", ":scope > .block > .block >", ":scope > div > .readonly >"]
        .map((path) => `${path} .desk-number`)
        .join();

    /** The head of a column of numbers stands where they do. */
    const alignHeads = (table) => {
        const rows = [...table.querySelectorAll("tbody tr")].filter((row) => row.cells.length > 1);
        table.querySelectorAll("thead th").forEach((head, at) => {
            head.classList.toggle("desk-right", rows.some((row) => row.cells[at]?.querySelector(NUMBERS)));
        });
    };

    const watch = () => {
        mend(document);
        // Where tables begin to fold: see desk.css, and the theme's lists.
        for (const width of ["639px", "1023px"]) {
            const again = () => document.querySelectorAll("table").forEach(nameParts);
            matchMedia(`(max-width: ${width})`).addEventListener("change", again);
        }
        new MutationObserver((changes) => {
            for (const { addedNodes } of changes) {
                for (const node of addedNodes) {
                    if (node.nodeType === Node.ELEMENT_NODE) {
                        mend(node.parentElement ?? node);
                    }
                }
            }
        }).observe(document.body, { childList: true, subtree: true });
    };

    /** The first field that was refused is where the reader looks next. */
    const showError = () => {
        const refused = document.querySelector(
            "#content .errorlist, #content .errors :is(input, select, textarea), #content td.errors",
        );
        const field =
            refused?.closest(".field-row, .field-line, td, .group")?.querySelector(
                ":is(input, select, textarea):not([type=hidden])",
            ) ?? refused;
        field?.closest("details:not([open])")?.setAttribute("open", "");
        field?.scrollIntoView({ block: "center" });
        field?.focus?.({ preventScroll: true });
    };

    window.addEventListener("load", () => {
        document.querySelectorAll("#result_list, table.formset").forEach(alignHeads);
        watch();
        showError();
    });
})();
