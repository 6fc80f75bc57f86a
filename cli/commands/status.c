/* `hashscope status`: what the recorder is doing, as it tells it, or JSON. */
#include <stdio.h>
#include <string.h>

#include "cli/commands/ask_recorder.h"
#include "cli/commands/command.h"
#include "cli/display/terminal.h"

static long long number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool has(const json_t *object, const char *name)
{
    return json_string_length(json_object_get(object, name)) > 0;
}

/* A text between two of ours, made harmless: names are what settings, files and systems say. */
static void print_text(const char *before, const json_t *text, const char *after)
{
    struct buffer line = {NULL, 0, 0};

    buffer_append_text(&line, before);
    terminal_append_text(&line, span_make(json_string_value(text), json_string_length(text)));
    buffer_append_text(&line, after);
    fwrite(line.data, 1, line.len, stdout);
    buffer_close(&line);
}

static void print_routes(const json_t *routes)
{
    size_t i, k;
    json_t *route, *pool;

    json_array_foreach(routes, i, route)
    {
        print_text("route      ", json_object_get(route, "route"), ": ");
        print_text("", json_object_get(route, "listen"),
                   json_is_true(json_object_get(route, "tls")) ? " (TLS)" : "");
        json_array_foreach(json_object_get(route, "pools"), k, pool)
            print_text(k == 0 ? " -> " : ", then ", pool, "");
        putchar('\n');
    }
}

static void print_archive(const json_t *status)
{
    const json_t *archive = json_object_get(status, "archive");

    if (json_is_true(json_object_get(archive, "degraded")))
        print_text("archive    DEGRADED: ", json_object_get(archive, "reason"), "\n");
    if (has(archive, "file"))
        print_text("archive    ", json_object_get(archive, "file"), "");
    else
        printf("archive    (no file yet)");
    printf(", %lld bytes; %lld of %lld lines written, %lld synced\n", number(archive, "file_bytes"),
           number(archive, "archived_seq"), number(status, "last_seq"),
           number(archive, "synced_seq"));
}

static void print_retention(const json_t *house)
{
    printf("retention  %lld files, %lld bytes; %lld files, %lld bytes removed; %lld bytes free\n",
           number(house, "files"), number(house, "bytes"), number(house, "removed_files"),
           number(house, "removed_bytes"), number(house, "free_bytes"));
    if (json_is_true(json_object_get(house, "age_paused")))
        printf("           by age: waits for the clock to hold for another %lld s\n",
               number(house, "age_pause_seconds"));
    if (json_is_true(json_object_get(house, "bytes_exceeded")))
        printf("           more than RETAIN_BYTES, and nothing left to remove\n");
    if (json_is_true(json_object_get(house, "room_missing")))
        printf("           less room than MIN_FREE_BYTES (%lld), and nothing left to remove\n",
               number(house, "min_free_bytes"));
}

static void print_recompression(const json_t *house)
{
    printf("recompress %lld files done, %lld bytes saved, %lld failed; %lld files, %lld bytes to "
           "do",
           number(house, "recompressed_files"), number(house, "recompressed_saved_bytes"),
           number(house, "recompress_failures"), number(house, "recompress_backlog_files"),
           number(house, "recompress_backlog_bytes"));
    if (has(house, "recompress_paused"))
        print_text("; waits: ", json_object_get(house, "recompress_paused"), "");
    putchar('\n');
    if (number(house, "footers_missing") > 0)
        printf("footers    %lld files are without (reading them takes longer), %lld added\n",
               number(house, "footers_missing"), number(house, "footers_added"));
}

static void print_status(const json_t *status)
{
    const json_t *counters = json_object_get(status, "counters");

    printf("recorder   pid %lld, up %lld s%s\n", number(status, "pid"),
           number(status, "uptime_seconds"),
           json_is_true(json_object_get(status, "stopping")) ? ", stopping" : "");
    print_routes(json_object_get(status, "routes"));
    printf("sessions   %lld open of %lld; %lld accepted, %lld refused, %lld pool connects failed\n",
           number(status, "sessions_open"), number(status, "max_sessions"),
           number(counters, "sessions_accepted"), number(counters, "sessions_refused"),
           number(counters, "pool_connect_failures"));
    printf("messages   %lld (%lld not JSON), %lld lost before they were archived\n",
           number(counters, "messages"), number(counters, "messages_invalid"),
           number(counters, "records_lost"));
    print_archive(status);
    print_retention(json_object_get(status, "housekeeping"));
    print_recompression(json_object_get(status, "housekeeping"));
}

static void on_answer(void *user, const json_t *answer)
{
    const struct control_options *options = user;

    if (control_wants_table(options))
        print_status(answer);
    else
        control_print_json(answer);
}

static int run(int argc, char **argv)
{
    struct control_options options;
    struct settings *settings =
        control_options_read(&options, argc, argv, NULL, 0, 0, NULL,
                             "What the recorder on this data directory is doing.");
    int code = control_call(argv[0], settings, json_pack("{s:s}", "command", "status"), on_answer,
                            &options);

    settings_free(settings);
    return code;
}

const struct command command_status = {"status", "what the recorder is doing", run};
