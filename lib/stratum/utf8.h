/*
 * utf8.h - UTF-8 checked one byte at a time, so that a sequence may be cut by the end of a read.
 * The table of RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 * For lib/stratum alone; whole texts are checked by utf8_valid_prefix of lib/base.
 */
#ifndef HASHSCOPE_STRATUM_UTF8_H
#define HASHSCOPE_STRATUM_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: between two characters. */
struct stratum_utf8 {
    uint8_t need;      /* bytes that the current character still lacks */
    uint8_t low, high; /* bounds of the next one of them */
};

static inline bool stratum_utf8_begin(struct stratum_utf8 *state, unsigned char lead)
{
    state->low = 0x80;
    state->high = 0xbf;
    if (lead < 0x80) {
        state->need = 0;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
        state->need = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        state->need = 2;
        state->low = lead == 0xe0 ? 0xa0 : 0x80;
        state->high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        state->need = 3;
        state->low = lead == 0xf0 ? 0x90 : 0x80;
        state->high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return false;
    }
    return true;
}

/* False when `byte` can't follow; the state is then meaningless. */
static inline bool stratum_utf8_feed(struct stratum_utf8 *state, unsigned char byte)
{
    if (state->need == 0)
        return stratum_utf8_begin(state, byte);
    if (byte < state->low || byte > state->high)
        return false;
    state->need--;
    state->low = 0x80;
    state->high = 0xbf;
    return true;
}

#endif
