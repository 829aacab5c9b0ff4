"use strict";

/* The key of a new strategy follows its name. Django leaves Korean out of it: "BTC 선물" and
 * "BTC 현물" would both be "btc". Here it is written in Latin letters first, as strategies/keys.py
 * does. */
(() => {
    const INITIALS = "g kk n d tt r m b pp s ss  j jj ch k t p h".split(" ");
    const VOWELS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split(" ");
    const FINALS = " k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split(" ");

    const romanised = (syllable) => {
        const place = syllable.charCodeAt(0) - 0xac00;
        const rest = place % (VOWELS.length * FINALS.length);
        return (
            INITIALS[Math.floor(place / (VOWELS.length * FINALS.length))] +
            VOWELS[Math.floor(rest / FINALS.length)] +
            FINALS[rest % FINALS.length]
        );
    };

    const urlify = window.URLify;
    if (urlify) {
        window.URLify = (name, ...rest) =>
            urlify(name.normalize("NFC").replace(/[가-힣]/g, romanised), ...rest);
    }
})();
