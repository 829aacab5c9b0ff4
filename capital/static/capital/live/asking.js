"use strict";

/* A form that waits for exchanges is sent once, and shows each account as it answers.
 *
 *   <form data-asks> or <button data-asks>    with an input named "once": the key of the form
 *   <template id="desk-asking" data-…>        where to look who has answered, and the words
 *
 * The server makes one preview of one key, however often it is sent. Without this script the browser
 * waits for the answer as for any page.
 */
(() => {
    const LOOKED_EVERY_MS = 1000;
    const NO_KEY = "00000000-0000-0000-0000-000000000000";

    const asks = (form, button) =>
        form.matches("[data-asks]") ||
        button?.matches("[data-asks]") ||
        (button?.name === "index" && form.elements.action?.value === "allocate_capital");

    const panel = (told) => {
        const dialog = document.createElement("dialog");
        dialog.className = "desk-asking";
        const title = document.createElement("h2");
        title.className = "desk-section-title";
        title.textContent = told.title;
        const note = document.createElement("p");
        note.className = "desk-muted";
        note.textContent = told.note;
        const list = document.createElement("div");
        dialog.append(title, note, list);
        // It ends by itself, or with the page.
        dialog.addEventListener("cancel", (event) => event.preventDefault());
        document.body.append(dialog);
        dialog.showModal();
        return { dialog, list };
    };

    const look = (address, list) => {
        let mark = "";
        const timer = setInterval(async () => {
            try {
                const answer = await fetch(address, { credentials: "same-origin" });
                if (!answer.ok || answer.redirected) {
                    return;
                }
                const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
                const part = fresh.querySelector("[data-live]");
                if (part !== null && part.dataset.mark !== mark) {
                    mark = part.dataset.mark;
                    const at = list.querySelector(".desk-scroll")?.scrollTop ?? 0;
                    part.querySelector("[data-live-go]")?.remove();
                    list.replaceChildren(part);
                    const shown = list.querySelector(".desk-scroll");
                    if (shown !== null) {
                        shown.scrollTop = at;
                    }
                }
            } catch {
                // The answer to the form says what became of it.
            }
        }, LOOKED_EVERY_MS);
        return () => clearInterval(timer);
    };

    const again = (form, button) => {
        if (button?.name) {
            const pressed = document.createElement("input");
            Object.assign(pressed, { type: "hidden", name: button.name, value: button.value });
            form.append(pressed);
        }
        if (button?.hasAttribute("formaction")) {
            form.action = button.formAction;
        }
        HTMLFormElement.prototype.submit.call(form);
    };

    const send = async (form, button, told) => {
        const body = new FormData(form, button);
        const parts = told.parts.replace(NO_KEY, body.get("once"));
        const { dialog, list } = panel(told);
        const stop = look(parts, list);
        try {
            // A field may be called "action", too.
            const to = button?.getAttribute("formaction") || form.getAttribute("action") || location.href;
            const answer = await fetch(to, {
                method: "POST",
                body,
                credentials: "same-origin",
                headers: { Accept: "application/json" },
            });
            const said = answer.headers.get("Content-Type") ?? "";
            stop();
            if (said.startsWith("application/json")) {
                location.assign((await answer.json()).url);
            } else if (answer.redirected) {
                location.assign(answer.url);
            } else {
                // The form again, with what is wrong of it: sent as without this script, it is shown.
                again(form, button);
            }
        } catch {
            // The line broke. What the server makes of it goes on, and is shown where it waits.
            stop();
            dialog.close();
            location.assign(parts.split("?")[0]);
        }
    };

    document.addEventListener("submit", (event) => {
        const form = event.target;
        const told = document.getElementById("desk-asking")?.dataset;
        if (told === undefined || event.defaultPrevented || !asks(form, event.submitter)) {
            return;
        }
        event.preventDefault();
        if (document.querySelector("dialog.desk-asking") === null) {
            send(form, event.submitter, told);
        }
    });

    // Back from the preview: the page is as it was left, but what is asked now is asked again.
    window.addEventListener("pageshow", (event) => {
        if (event.persisted) {
            document.querySelector("dialog.desk-asking")?.remove();
            const key = crypto.randomUUID?.() ?? null;
            if (key !== null) {
                document.querySelectorAll("input[name=once]").forEach((each) => {
                    each.value = key;
                });
            }
        }
    });
})();
