"use strict";

/* Reads a page again and again, quietly, for parts.js and lists.js: window.deskReading.follow.
 *
 * It stops while the page is hidden, asks less and less often of a server that does not answer, and
 * ends for good where the user is logged out or what was read is gone. Each thing that is read says
 * "desk:swapped" to the document, and is read at once by a "desk:read" to its element.
 */
window.deskReading = (() => {
    const GIVEN_UP_AFTER_MS = 15000;
    const LONGEST_MS = 300000;
    const GONE = [401, 403, 404];

    /**
     * @param told     The element that says how it goes: data-lost where it failed, data-out at the end.
     * @param seconds  How often.
     * @param address  Gives what is read.
     * @param take     Puts what came where it belongs, and tells it: {changed, seen}; null ends it.
     * @param say      Shows a text, or none.
     */
    const follow = ({ told, seconds, address, take, say }) => {
        const every = seconds * 1000;
        let wait = every;
        let timer = null;
        let readAt = Date.now();
        let over = false;

        const read = async () => {
            const answer = await fetch(address(), {
                credentials: "same-origin",
                headers: { Accept: "text/html" },
                signal: AbortSignal.timeout(GIVEN_UP_AFTER_MS),
            });
            if (answer.redirected || GONE.includes(answer.status)) {
                over = true;
                say(told.dataset.out);
                return;
            }
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
            const detail = take(fresh);
            if (detail === null) {
                over = true;
                return;
            }
            document.dispatchEvent(new CustomEvent("desk:swapped", { detail: { ...detail, fresh } }));
        };

        const stop = () => {
            clearTimeout(timer);
            timer = null;
        };

        const later = () => {
            stop();
            if (!over && !document.hidden) {
                timer = setTimeout(turn, wait);
            }
        };

        const turn = async () => {
            stop();
            try {
                await read();
                readAt = Date.now();
                wait = every;
            } catch {
                say(told.dataset.lost);
                wait = Math.min(wait * 2, LONGEST_MS);
            }
            later();
        };

        document.addEventListener("visibilitychange", () => {
            if (document.hidden || over) {
                stop();
            } else if (timer === null) {
                timer = setTimeout(turn, Math.max(0, wait - (Date.now() - readAt)));
            }
        });
        told.addEventListener("desk:read", turn);
        later();
    };

    return { follow };
})();
