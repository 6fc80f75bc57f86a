/*
 * `hashscope sessions`: the recorder's sessions, as a table or one JSON object a line. The recorder
 * gives at most a page at a time; the next page begins behind the last number seen.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/control.h"

struct listing {
    bool table;
    long long last;     /* number of the last session seen */
    unsigned long page; /* sessions in this page */
    bool titled;
};

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

static void print_row(struct listing *listing, const json_t *session)
{
    const char *reason = text(session, "reason");
    long long unasked = (long long)json_integer_value(json_object_get(session, "unasked"));

    if (!listing->titled)
        printf("%6s  %-36s  %-10s  %-21s  %-28s  %-19s  %10s  %10s\n", "NUMBER", "SESSION", "STATE",
               "MINER", "POOL", "OPENED", "UP", "DOWN");
    listing->titled = true;
    printf("%6lld  %-36s  %-10s  %-21s  %-28s  %.19s  %10lld  %10lld%s%s%s%s",
           (long long)json_integer_value(json_object_get(session, "number")),
           text(session, "session"), text(session, "state"), text(session, "miner"),
           text(session, "pool"), text(session, "opened"),
           (long long)json_integer_value(json_object_get(session, "bytes_up")),
           (long long)json_integer_value(json_object_get(session, "bytes_down")),
           reason[0] == '\0' ? "" : "  ", text(session, "by"), reason[0] == '\0' ? "" : ": ",
           reason);
    if (unasked > 0)
        printf("  %lld answers to ids nobody asked with", unasked);
    putchar('\n');
}

static void on_session(void *user, const json_t *session)
{
    struct listing *listing = user;

    listing->page++;
    listing->last = json_integer_value(json_object_get(session, "number"));
    if (listing->table)
        print_row(listing, session);
    else
        control_print_json(session);
}

static int run(int argc, char **argv)
{
    static const struct flag all = {.name = "all",
                                    .letter = 'a',
                                    .type = FLAG_SWITCH,
                                    .offset = offsetof(struct control_options, all),
                                    .help = "Closed ones too, as far as the live ring knows them"};
    struct control_options options;
    struct settings *settings =
        control_options_read(&options, argc, argv, &all, 0, 0, NULL,
                             "The sessions of the recorder on this data directory.");
    struct listing listing = {.table = control_wants_table(&options)};
    int code;

    do {
        listing.page = 0;
        code =
            control_call(argv[0], settings,
                         json_pack("{s:s,s:s,s:I}", "command", "sessions", "state",
                                   options.all ? "all" : "open", "after", (json_int_t)listing.last),
                         on_session, &listing);
    } while (code == 0 && listing.page > 0);
    if (code == 0 && listing.table && !listing.titled)
        puts("no sessions");
    settings_free(settings);
    return code;
}

const struct command command_sessions = {"sessions", "list the sessions", run};
