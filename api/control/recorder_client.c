/* recorder_client.c - see recorder_client.h. */
#include "api/control/recorder_client.h"

#include <stdlib.h>
#include <string.h>

#include "lib/event/local.h"

static bool take_line(void *user, const char *line, size_t len)
{
    json_t **answer = user;
    if (!*answer)
        *answer = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    return true;
}

enum status recorder_call(const char *control_path, json_t *command, int timeout_ms,
                          json_t **answer, struct error *err)
{
    char *text = json_dumps(command, JSON_COMPACT);
    struct error why = {""};
    json_decref(command);
    *answer = NULL;
    if (!text)
        return error_set(err, STATUS_INVALID, "the command cannot be written as JSON");
    enum status status = local_client_call(control_path, text, timeout_ms, take_line, answer, &why);
    free(text);
    if (status == STATUS_OK && *answer)
        return STATUS_OK;
    json_decref(*answer);
    *answer = NULL;
    if (status == STATUS_OK)
        return error_set(err, STATUS_DAMAGED, "the recorder gave no answer that could be read");
    if (status == STATUS_TIMEOUT)
        return error_set(err, status, "the recorder does not answer: %s", why.text);
    return error_set(err, STATUS_CLOSED, "the recorder is not running: %s", why.text);
}

json_t *recorder_command(const char *name, const struct uuid *session, struct span line)
{
    char id[UUID_TEXT_LEN];
    json_t *command = json_pack("{s:s}", "command", name);
    uuid_format(id, session);
    (void)json_object_set_new(command, "session", json_stringn(id, sizeof id));
    if (line.data)
        (void)json_object_set_new(command, "line", json_stringn(line.data, line.len));
    return command;
}

bool recorder_says_closed(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    return error && (strncmp(error, "session:", 8) == 0 || strstr(error, "session closed") != NULL);
}
