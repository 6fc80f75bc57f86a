/*
 * options.h - the command line of hashscope-export: what is exported, as what, and where to.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_EXPORT_OPTIONS_H
#define HASHSCOPE_EXPORTER_EXPORT_OPTIONS_H

#include "lib/command/filter.h"
#include "lib/export/export.h"

struct export_flags {
    struct filter_options filter;
    const char *output;        /* NULL: standard output */
    const char *format;        /* NULL: by the name of the output, else pcapng */
    const char *packet_filter; /* --filter */
    const char *sides, *link;
    int64_t mtu;
    bool follow, from_now, reproducible, mask_passwords, quiet;
};

/* Reads the command line; exits when it is wrong. The caller frees the settings. */
struct settings *export_options_parse(struct export_flags *flags, int argc, char **argv);

/* Fills in what does not depend on the recordings. 0, or 2 with a message. */
int export_options_read(struct export_options *out, const struct export_flags *flags,
                        const char *command);

#endif
