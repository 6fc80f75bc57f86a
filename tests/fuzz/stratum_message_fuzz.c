/*
 * The view of a line. The first byte is the method that a response is taken to answer, the rest the
 * line. There is a view or a text that says why not, never both; the view's kind is the scanner's,
 * and it can be written out again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stratum/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_view(const json_t *view, const struct stratum_scan *scan)
{
    const char *kind = json_string_value(json_object_get(view, "kind"));
    REQUIRE(kind != NULL && strcmp(kind, stratum_kind_name(scan->kind)) == 0);
    REQUIRE((json_object_get(view, "refused") != NULL) == scan->error);
    REQUIRE((json_object_get(view, "fault") != NULL) == (scan->fault != STRATUM_FAULT_NONE));
    char *text = json_dumps(view, JSON_COMPACT);
    REQUIRE(text != NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct error error = {""};
    struct stratum_scan scan;
    const char *line = (const char *)data + 1;
    enum stratum_method answered = (enum stratum_method)(data[0] % STRATUM_METHOD_COUNT);
    stratum_scan_line(&scan, line, size - 1);
    struct buffer text = {0};
    bool done = stratum_message_write(&text, span_make(line, size - 1), answered, &error);
    REQUIRE(done == (error.text[0] == '\0'));
    json_t *view = NULL;
    if (done) {
        view = json_loadb(text.data, text.len,
                          JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        REQUIRE(view != NULL || scan.fault == STRATUM_FAULT_NUMBER || scan.fault);
    }
    if (view != NULL)
        check_view(view, &scan);
    json_decref(view);
    buffer_close(&text);
    return 0;
}
