/* options_private.h - between options.c, which loads settings, and arguments.c, which asks argp. */
#ifndef HASHSCOPE_BASE_OPTIONS_PRIVATE_H
#define HASHSCOPE_BASE_OPTIONS_PRIVATE_H

#include <argp.h>

/* Where the flags that were given go; the texts point into argv. */
struct argument_sink {
    unsigned groups;    /* rows that have flags */
    const char **given; /* per row of the table; NULL: not given */
    char **env_file;    /* a copy; stays as it is without --env-file */
};

/* Ends the program for --help, --usage, --version and for flags that do not exist. */
void options_parse_arguments(const struct argument_sink *sink, int argc, char **argv,
                             const struct argp *extra, void *extra_input);

#endif
