/*
 * answers.h - two questions that a query cannot answer: which answers belong to the requests
 * that are exported (--answers), and which refusals are of such requests (--errors with --method).
 *
 * Remembered are the methods of the newest requests seen; for refusals, whose requests were not
 * asked for, the others are looked up.
 *
 * Ownership: the filter and the place's texts are borrowed. Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_EXPORT_ANSWERS_H
#define HASHSCOPE_EXPORTER_EXPORT_ANSWERS_H

#include "lib/command/filter.h"

struct export_answers {
    const struct filter *filter;
    struct query_place place;
    uint64_t *requests; /* seq, by seq */
};

void export_answers_init(struct export_answers *answers, const struct filter *filter,
                         const struct query_place *place);
void export_answers_close(struct export_answers *answers);

/* Whether there is a question at all. */
bool export_answers_asked(const struct filter *filter);
/* Whether the message is wanted; `user` is a struct export_answers. */
bool export_answers_want(void *user, const struct query_row *row);

#endif
