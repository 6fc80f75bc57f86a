/* place.c - which recordings a request is about. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "api/request/rest.h"
#include "lib/segment/segment.h"

static bool is_there(const struct query_place *place)
{
    char folder[SEGMENT_PATH_MAX];
    struct stat st;
    return segment_folder(folder, place->data_dir, place->series, NULL) == STATUS_OK &&
           stat(folder, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool asks_for_live(const struct parameters *given)
{
    for (size_t i = 0; i < given->count; i++) {
        if (strcmp(given->known[i].name, "source") == 0)
            return given->values[i].text && strcmp(given->values[i].text, "live") == 0;
    }
    return false;
}

enum status request_place(const struct request *request, const struct parameters *given,
                          struct query_place *out, struct error *err)
{
    *out = request->rest->place;
    out->series = (uint64_t)parameter_number(given, "series");
    if (out->series == 0)
        return STATUS_OK;
    if (asks_for_live(given))
        return error_set(err, STATUS_INVALID, "series: nothing of an import is live");
    return is_there(out) ? STATUS_OK
                         : error_set(err, STATUS_NOT_FOUND,
                                     "series: nothing was imported as %016" PRIx64, out->series);
}
