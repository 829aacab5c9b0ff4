"use strict";

/* The editor of weights. What is typed is sent to the server, which divides exactly as an
 * allocation does; its texts are written into the cells. Nothing is calculated here, and without
 * this file the editor saves all the same.
 */
(() => {
    const PAUSE_MILLISECONDS = 120;

    const write = (root, name, text) => {
        const cell = root.querySelector(`[data-${name}]`);
        if (cell) cell.textContent = text ?? "";
        return cell;
    };

    const show = (form, told) => {
        for (const field of form.querySelectorAll("[data-error]")) {
            const text = told.errors?.[field.dataset.error] ?? "";
            field.textContent = text;
            const input = form.elements.namedItem(field.dataset.error);
            if (input) input.setAttribute("aria-invalid", text ? "true" : "false");
        }
        // What it would come to is of weights that can be; the others have no figures.
        form.classList.toggle("weights-wrong", Boolean(told.errors));
        if (told.errors) return;
        write(form, "notice", told.notice);
        write(form, "told", told.told);
        for (const row of form.querySelectorAll("[data-link]")) {
            const link = told.links?.[row.dataset.link];
            if (!link) continue;
            write(row, "share", link.share);
            row.querySelector("[data-bar]").style.width = `${link.width}%`;
            if (link.before !== undefined) write(row, "before", link.before);
            write(row, "after", link.after);
            const change = write(row, "change", link.change);
            change.classList.toggle("desk-up", link.direction === "up");
            change.classList.toggle("desk-down", link.direction === "down");
            write(row, "hint", link.why);
        }
        for (const facts of form.querySelectorAll("[data-pool]")) {
            facts.textContent = told.pools?.[facts.dataset.pool] ?? "";
        }
    };

    const edit = (form) => {
        let asked = null;
        let timer = null;
        const ask = async () => {
            asked?.abort();
            const mine = (asked = new AbortController());
            form.classList.add("weights-asks");
            try {
                const answer = await fetch(form.dataset.deskWeights, {
                    body: new FormData(form),
                    headers: { Accept: "application/json" },
                    method: "POST",
                    signal: mine.signal,
                });
                if (answer.ok && !answer.redirected) show(form, await answer.json());
            } catch (error) {
                if (error.name !== "AbortError") write(form, "notice", "");
            } finally {
                if (asked === mine) form.classList.remove("weights-asks");
            }
        };
        form.addEventListener("focusin", ask, { once: true });
        form.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(ask, PAUSE_MILLISECONDS);
        });
        if (form.querySelector('[role="alert"]')) {
            const wrong = [...form.querySelectorAll("[data-error]")].find((each) => each.textContent);
            if (wrong) form.elements.namedItem(wrong.dataset.error)?.focus();
        }
    };

    document.querySelectorAll("form[data-desk-weights]").forEach(edit);
})();
