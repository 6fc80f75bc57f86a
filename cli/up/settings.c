/* Handing settings on, and the checks before the start; see up.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/up/up.h"
#include "lib/base/option_name.h"
#include "lib/command/program.h"
#include "lib/event/connect.h"
#include "lib/event/local.h"

#define ASK_TIMEOUT_MS 2000

static void export_row(const struct settings *settings, const struct option_row *row)
{
    const char *text = NULL;
    char number[32];

    switch (row->type) {
    case OPTION_TEXT:
    case OPTION_CHOICE:
    case OPTION_PATH:
        text = settings_text(settings, row->name);
        break;
    case OPTION_INTEGER:
    case OPTION_SIZE:
        snprintf(number, sizeof(number), "%lld", (long long)settings_integer(settings, row->name));
        text = number;
        break;
    case OPTION_BOOLEAN:
        text = settings_boolean(settings, row->name) ? "true" : "false";
        break;
    }
    if (text != NULL)
        setenv(row->name, text, 1);
}

void up_export_settings(const struct settings *settings)
{
    for (size_t i = 0; i < option_count; i++) {
        if ((option_table[i].groups & UP_GROUPS) != 0 &&
            settings_source(settings, option_table[i].name) != SOURCE_DEFAULT)
            export_row(settings, &option_table[i]);
    }
    settings_hand_on_origins(settings);
}

static enum status make_directory(const char *path, struct error *err)
{
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return error_errno(err, errno, "making %s (DATA_DIR; --data-dir chooses another place)",
                           path);
    return STATUS_OK;
}

enum status up_make_directories(const struct up *up, struct error *err)
{
    char path[PROGRAM_PATH_MAX];
    enum status status = STATUS_OK;

    snprintf(path, sizeof(path), "%s/logs", up->data_dir);
    for (char *slash = strchr(path + 1, '/'); slash != NULL && status == STATUS_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_directory(path, err);
        *slash = '/';
    }
    return status == STATUS_OK ? make_directory(path, err) : status;
}

/* The errno of listening there; 0 where it can be done or the program itself will say why not. */
static int try_to_listen(const struct sockaddr_storage *address)
{
    socklen_t len =
        address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1, failed = 0;

    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)address, len) != 0)
        failed = errno;
    close(fd);
    return failed;
}

enum status up_check_port(const struct settings *settings, const char *host_name,
                          const char *port_name, struct error *err)
{
    const char *host = settings_text(settings, host_name);
    int64_t port = settings_integer(settings, port_name);
    struct sockaddr_storage address;
    enum status status = address_parse(&address, host, (uint16_t)port, err);
    struct buffer flag = {0};
    int failed;

    if (status != STATUS_OK)
        return error_wrap(err, status, "%s", host_name);
    failed = try_to_listen(&address);
    if (failed == 0)
        return STATUS_OK;
    if (failed != EADDRINUSE)
        return error_errno(err, failed, "port %lld on %s", (long long)port, host);
    option_append_flag(&flag, port_name);
    status = error_set(err, STATUS_BUSY,
                       "port %lld on %s is in use by another program; choose another with "
                       "--%.*s (or %s in .env)",
                       (long long)port, host, (int)flag.len, flag.data, port_name);
    buffer_close(&flag);
    return status;
}

static bool on_status(void *user, const char *line, size_t len)
{
    struct up *up = user;
    json_t *status = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    const json_t *route = json_array_get(json_object_get(status, "routes"), 0);
    const char *listen = json_string_value(json_object_get(route, "listen"));
    const char *target = json_string_value(json_array_get(json_object_get(route, "pools"), 0));

    if (listen != NULL && json_integer_value(json_object_get(status, "pid")) == up->recorder->pid)
        snprintf(up->listen, sizeof(up->listen), "%s", listen);
    snprintf(up->target, sizeof(up->target), "%s", target == NULL ? "" : target);
    up->last_seq = (uint64_t)json_integer_value(json_object_get(status, "last_seq"));
    json_decref(status);
    return true;
}

bool up_ask_recorder(struct up *up)
{
    char path[PROGRAM_PATH_MAX];

    up->listen[0] = '\0';
    program_control_path(path, up->settings);
    return local_client_call(path, "{\"command\":\"status\"}", ASK_TIMEOUT_MS, on_status, up,
                             NULL) == STATUS_OK &&
           up->listen[0] != '\0';
}

void up_link_path(const struct up *up, char *out, size_t size)
{
    snprintf(out, size, "%s/logs/api.link", up->data_dir);
}

bool up_read_link(struct up *up)
{
    char path[PROGRAM_PATH_MAX], port[16] = "";
    FILE *file;

    up->link[0] = '\0';
    up_link_path(up, path, sizeof(path));
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(up->link, sizeof(up->link), file) == NULL || fgets(port, sizeof(port), file) == NULL)
        up->link[0] = '\0';
    up->link[strcspn(up->link, "\n")] = '\0';
    up->ui_port = (uint16_t)strtoul(port, NULL, 10);
    fclose(file);
    return up->link[0] != '\0';
}
