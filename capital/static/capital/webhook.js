"use strict";

/* The page of a webhook: its last signals are read again every few seconds, and a text that is
 * pasted is sent to the webhook to be tried.
 *
 * An element with data-signals (the address of the list); a form with data-try (the webhook's
 * address), a textarea and an element with data-answer. Without this script the list is as it was
 * when the page was opened, and the form is hidden.
 */
(() => {
    const EVERY_MS = 5000;

    const follow = (list) => {
        const read = async () => {
            if (document.hidden) {
                return;
            }
            const answer = await fetch(list.dataset.signals, { credentials: "same-origin" });
            if (answer.ok && !answer.redirected) {
                list.innerHTML = await answer.text();
            }
        };
        setInterval(() => { read().catch(() => {}); }, EVERY_MS);
    };

    const shown = (text) => {
        try {
            return JSON.stringify(JSON.parse(text), null, 2);
        } catch {
            return text;
        }
    };

    const offer = (form) => {
        const [told] = form.querySelectorAll("[data-answer]");
        let asked = 0;
        form.hidden = false;
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            asked += 1;
            const mine = asked;
            // A slow answer to an earlier text is not one to the text that was sent since.
            const tell = (text) => {
                if (mine === asked) {
                    told.textContent = text;
                }
            };
            tell("…");
            try {
                const answer = await fetch(`${form.dataset.try}?dry_run=true`, {
                    method: "POST",
                    credentials: "omit",
                    headers: { "Content-Type": "text/plain" },
                    body: form.querySelector("textarea").value,
                });
                tell(`${answer.status}\n${shown(await answer.text())}`);
            } catch {
                tell(form.dataset.unreachable);
            }
        });
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-signals]").forEach(follow);
        document.querySelectorAll("[data-try]").forEach(offer);
    });
})();
