/*
 * flags.h - the command-line flags of one command, declared as a table. Settings that several
 * programs share and that also come from the environment are in options.h; this is for the rest
 * (`--seed`, `--miners`), and joins it as the `extra` parser of settings_load.
 *
 * A row says where in the command's own struct the value goes. Faults are reported by argp, which
 * names the command, and end the program with exit code 2.
 *
 * Ownership: texts point into argv. Threads: the one that parses.
 */
#ifndef HASHSCOPE_BASE_FLAGS_H
#define HASHSCOPE_BASE_FLAGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_type {
    FLAG_SWITCH,  /* bool; takes no value */
    FLAG_TEXT,    /* const char * */
    FLAG_CHOICE,  /* const char *, one of `choices`, separated by | */
    FLAG_NUMBER,  /* double, minimum … maximum */
    FLAG_INTEGER, /* int64_t, minimum … maximum */
    FLAG_SECONDS, /* int64_t, milliseconds; written in seconds, decimals allowed, minimum … maximum
                     in seconds */
    FLAG_HEX,     /* uint32_t, up to eight hexadecimal digits */
};

struct flag {
    const char *name; /* without the dashes; NULL with help: a heading */
    int letter;       /* short form, 0: none */
    enum flag_type type;
    size_t offset; /* in the target struct */
    double minimum, maximum;
    const char *choices;
    const char *placeholder;
    const char *help; /* one sentence, no full stop */
};

/* What argp gets as input; fill in `flags`, `count`, `target` and, when there are arguments that
 * are no flags, `argument`, which returns false to refuse one. */
struct flag_set {
    const struct flag *flags;
    size_t count;
    void *target;
    bool (*argument)(void *target, const char *text);
    struct argp_option *options; /* built by flag_set_argp */
};

/* Builds the argp for the set; `doc` and `args_doc` as argp wants them. flag_set_close frees. */
struct argp flag_set_argp(struct flag_set *set, const char *args_doc, const char *doc);
void flag_set_close(struct flag_set *set);

#endif
