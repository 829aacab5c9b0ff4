"use strict";

/* Ages tick: "24 s ago" becomes "25 s ago", on every page, in the language of the page.
 *
 *   <time datetime="…" data-age>       what ticks
 *   <template id="desk-ages" data-…>   the words, and data-seen: the server's time when it was written
 *
 * Written as capital/admin/frame/formats.py writes them. What a script puts on the page is told by
 * "desk:swapped", with the server's time of it (detail.seen). Without this script an age is as old as
 * the page.
 */
(() => {
    const EVERY_MS = 1000;
    const MINUTE = 60;
    const HOUR = 60 * MINUTE;
    const DAY = 24 * HOUR;

    let words = null;
    // The server's clock is ahead of this one by so much.
    let ahead = 0;

    const span = (seconds) => {
        const [word, count] =
            seconds < MINUTE
                ? [words.seconds, seconds]
                : seconds < HOUR
                  ? [words.minutes, seconds / MINUTE]
                  : seconds < 2 * DAY
                    ? [words.hours, seconds / HOUR]
                    : [words.days, seconds / DAY];
        return word.replace("%(count)s", Math.floor(count));
    };

    const written = (at, now) => {
        const passed = (now - at) / 1000;
        if (Math.abs(passed) < 1) {
            return words.now;
        }
        const word = passed < 0 ? words.ahead : words.ago;
        return word.replace("%(span)s", span(Math.floor(Math.abs(passed))));
    };

    const tick = () => {
        if (document.hidden) {
            return;
        }
        const now = Date.now() + ahead;
        for (const each of document.querySelectorAll("time[data-age]")) {
            const at = Date.parse(each.dateTime);
            const text = Number.isNaN(at) ? each.textContent : written(at, now);
            if (each.textContent !== text) {
                each.textContent = text;
            }
        }
    };

    const compare = (seen, receivedAt) => {
        const at = Date.parse(seen ?? "");
        if (!Number.isNaN(at)) {
            ahead = at - receivedAt;
        }
    };

    /** When this page's first byte came: it may have taken its time since then. */
    const arrivedAt = () => {
        const [page] = performance.getEntriesByType("navigation");
        return page ? performance.timeOrigin + page.responseStart : Date.now();
    };

    document.addEventListener("DOMContentLoaded", () => {
        words = document.getElementById("desk-ages")?.dataset ?? null;
        if (words === null) {
            return;
        }
        compare(words.seen, arrivedAt());
        setInterval(tick, EVERY_MS);
        document.addEventListener("visibilitychange", tick);
        document.addEventListener("desk:swapped", (event) => {
            compare(event.detail?.seen, Date.now());
            tick();
        });
    });
})();
