/* See sim_difficulty.h. Nothing here can fail. */
#include "samples/sim/sim_difficulty.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MAX 4.0
#define BAND_LOW 0.5
#define BAND_TOP 2.0

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

double sim_append_difficulty(struct buffer *out, double difficulty)
{
    char text[48];
    size_t len;

    difficulty = clamp(difficulty, SIM_DIFFICULTY_MIN, SIM_DIFFICULTY_MAX);
    len = (size_t)snprintf(text, sizeof(text), "%.10f", difficulty);
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    text[len] = '\0';
    buffer_append(out, text, len);
    return strtod(text, NULL);
}

void sim_vardiff_init(struct sim_vardiff *vardiff, int64_t now_ms)
{
    *vardiff = (struct sim_vardiff){.window_start_ms = now_ms};
}

void sim_vardiff_count(struct sim_vardiff *vardiff)
{
    vardiff->shares++;
}

/* Three significant digits: nobody reads more of a difficulty. */
static double rounded(double value)
{
    double unit = pow(10, floor(log10(value)) - 2);

    return round(value / unit) * unit;
}

double sim_vardiff_next(struct sim_vardiff *vardiff, const struct sim_vardiff_settings *settings,
                        int64_t now_ms, double current)
{
    int64_t elapsed = now_ms - vardiff->window_start_ms;
    double wanted = settings->shares_per_minute * (double)elapsed / 60000.0;
    double full = settings->shares_per_minute * (double)settings->retarget_ms / 60000.0;
    double ratio;

    if (settings->shares_per_minute <= 0 || elapsed <= 0)
        return current;
    if (elapsed < settings->retarget_ms &&
        (elapsed < settings->retarget_ms / 4 || vardiff->shares < STEP_MAX * full))
        return current;
    ratio = (double)vardiff->shares / wanted;
    sim_vardiff_init(vardiff, now_ms);
    if (ratio >= BAND_LOW && ratio <= BAND_TOP)
        return current;
    ratio = clamp(ratio, 1 / STEP_MAX, STEP_MAX);
    return clamp(rounded(current * ratio), settings->minimum, settings->maximum);
}
