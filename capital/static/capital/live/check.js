"use strict";

/* What an exchange answers to a connection check comes beside the page that was open.
 *
 *   <a href="…/connection/">                  Check connection, wherever it stands
 *   <div data-live="check">                   The answer, in the page behind that address
 *   <a data-check-again>                      Asks again, in place
 *   <template id="desk-check" data-…>         The words
 *
 * Without this script the link leads to the page, and the browser waits for it.
 */
(() => {
    const LINKS = "a[href$='/connection/'], a[data-check-again]";

    const waiting = (told) => {
        const text = document.createElement("p");
        text.className = "desk-muted";
        text.setAttribute("role", "status");
        text.textContent = told.wait;
        return text;
    };

    const panel = (told) => {
        document.querySelector("dialog.desk-check")?.remove();
        const dialog = document.createElement("dialog");
        dialog.className = "desk-asking desk-check";
        const close = document.createElement("button");
        Object.assign(close, { type: "button", className: "desk-do desk-check-close", textContent: told.close });
        close.addEventListener("click", () => dialog.close());
        const place = document.createElement("div");
        place.dataset.checkPlace = "";
        dialog.append(place, close);
        dialog.addEventListener("close", () => {
            dialog.remove();
            // What the check found is in what the page shows, too.
            document.querySelector("[data-live-from]")?.dispatchEvent(new Event("desk:read"));
        });
        document.body.append(dialog);
        dialog.setAttribute("aria-label", told.title);
        dialog.showModal();
        return place;
    };

    const ask = async (address, place, told) => {
        place.replaceChildren(waiting(told));
        try {
            const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "text/html" } });
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
            const part = fresh.querySelector("[data-live=check]");
            if (part === null || answer.redirected) {
                throw new Error("no answer");
            }
            place.replaceChildren(...part.childNodes);
        } catch {
            // The page itself says what is wrong: logged out, not found, or no line.
            location.assign(address);
        }
    };

    document.addEventListener("click", (event) => {
        const link = event.target.closest?.(LINKS);
        const told = document.getElementById("desk-check")?.dataset;
        const isOther = event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey;
        if (!link || told === undefined || isOther) {
            return;
        }
        event.preventDefault();
        const inPlace = link.closest("[data-check-place], [data-live=check]");
        ask(link.href, inPlace ?? panel(told), told);
    });
})();
