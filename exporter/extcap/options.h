/*
 * options.h - the command line of hashscope-extcap, as Wireshark writes it: which interface,
 * which question, and the options of a capture.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_EXTCAP_OPTIONS_H
#define HASHSCOPE_EXPORTER_EXTCAP_OPTIONS_H

#include <stdbool.h>

#include "lib/base/options.h"
#include "lib/command/filter.h"

#define EXTCAP_ALL_SESSIONS "all" /* a value of --session: what the list of them begins with */

struct extcap_flags {
    struct filter_options filter; /* since, until, session, worker, peer, pool … */
    /* questions */
    bool interfaces, dlts, config, capture;
    const char *version;   /* of the Wireshark that asks */
    const char *interface; /* one of extcap_interfaces */
    const char *reload;    /* the option whose values are to be listed anew */
    const char *filter_expression;
    /* of a capture */
    const char *fifo;
    const char *sides;
    bool everything; /* live: also what the ring still holds */
    bool mask_passwords;
};

struct extcap_interface {
    const char *value;   /* for --extcap-interface */
    const char *display; /* for people */
    bool live;
};
#define EXTCAP_INTERFACE_COUNT 2
extern const struct extcap_interface extcap_interfaces[EXTCAP_INTERFACE_COUNT];

/* NULL: no such interface. */
const struct extcap_interface *extcap_interface_find(const char *value);

/* Reads the command line; exits when it is wrong. The caller frees the settings. */
struct settings *extcap_options_parse(struct extcap_flags *flags, int argc, char **argv);

/* ---- answers, on standard output in Wireshark's own notation ---- */

void extcap_print_interfaces(void);
void extcap_print_dlts(void);
/* The options of a capture; the list of sessions is read from the recordings. */
void extcap_print_config(const struct extcap_interface *interface, const struct extcap_flags *flags,
                         const struct settings *settings);
/* Nothing when it is a capture filter, else what is wrong with it. */
void extcap_print_filter_verdict(const char *expression);

#endif
