/*
 * How it works: what is asked goes into the list of pending requests, where an answer finds it;
 * what is noted goes to whoever wants to know. Nothing can fail.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "samples/sim/sim_miner.h"

void sim_miner_note(const struct sim_miner *miner, const char *fmt, ...)
{
    char text[512];
    va_list args;

    if (miner->settings.note == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    miner->settings.note(miner->settings.note_user, miner->settings.number, text);
}

void sim_miner_say(struct sim_miner *miner, enum sim_step step, const struct sim_words *words,
                   struct buffer *out)
{
    struct sim_pending pending = {.step = step};

    sim_style_append(out, miner->settings.style, step, words, &miner->next_id, pending.id);
    buffer_append_char(out, '\n');
    if (strcmp(pending.id, "null") == 0)
        return;
    if (miner->pending_count == SIM_PENDING_MAX) { /* the oldest will hardly be answered now */
        miner->totals.unanswered++;
        memmove(&miner->pending[0], &miner->pending[1],
                (SIM_PENDING_MAX - 1) * sizeof(miner->pending[0]));
        miner->pending_count--;
    }
    miner->pending[miner->pending_count++] = pending;
}
