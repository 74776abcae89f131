/* lips.c: correlation of mouth opening with the speech envelope, against circular shifts of the same two. */
#include <math.h>
#include <string.h>

#include "voice/lips.h"

#define RATE 50      /* Hz of the two curves */
#define NEAR 10      /* +-200 ms */
#define FAR 50       /* controls are shifted by more than 1 s */
#define CONTROL_STEP 5 /* neighbouring controls overlap; fewer would waste short clips */
#define SLOW 1.0     /* s: slower changes (a turning head, drifting gain) are taken off */
#define STILL 1e-6
#define SILENT 1e-4  /* root mean square of the loudest tenth */
#define SEEN_LEAST 0.5

/* Thresholds from tests/voice/lips_eval on 12 s made of GRID clips (docs in models/voice-words.md). A short clip has too few
 * syllables for any verdict. */
#define MOVE_Z 1.5
#define MOVE_CORRELATION 0.28
#define MOVE_LAG 0.12 /* s; sound and picture of one camera are closer */
#define NOT_Z 1.0
#define NOT_CORRELATION 0.18
#define SHORT 6.0 /* s */

const char *lk_lips_verdict_name(lk_lips_verdict v)
{
    return v == LK_LIPS_MOVE ? "moves with the sound" : v == LK_LIPS_DOUBT ? "doubt" : "does not move with the sound";
}

/* Envelope: log of the power between 50 and 900 Hz (vowels: open mouths; hiss and hum count little) in 100 ms around each
 * point, floored 25 dB below the loudest. */
static bool envelope(const float *x, int64_t n, int rate, float *out, float *scratch, int count)
{
    double loudest = 0, low = 0, slow = 0, a = 1 - exp(-2 * M_PI * 900 / rate), b = 1 - exp(-2 * M_PI * 50 / rate);
    int64_t k = 0;
    for (int i = 0; i < count; i++) {
        int64_t to = LK_MIN((int64_t)((i + 1.0) / RATE * rate), n), from = k;
        double p = 0;
        for (; k < to; k++) {
            low += a * (x[k] - low);
            slow += b * (low - slow);
            p += (low - slow) * (low - slow);
        }
        scratch[i] = (float)(p / (double)LK_MAX(to - from, 1));
    }
    for (int i = 0; i < count; i++) {
        double p = 0;
        int first = LK_MAX(i - 2, 0), last = LK_MIN(i + 2, count - 1);
        for (int j = first; j <= last; j++) p += scratch[j];
        out[i] = (float)(p / (last - first + 1));
        loudest = fmax(loudest, out[i]);
    }
    if (!(sqrt(loudest) > SILENT)) return false;
    for (int i = 0; i < count; i++) out[i] = (float)log10(fmax(out[i] / loudest, 3e-3));
    return true;
}

/* The opening at even times, unseen stretches by the line between their ends. */
static int64_t even(const float *opening, const double *time, int64_t frames, double start, float *out, int count)
{
    int64_t seen = 0, k = 0, next = -1, last = -1;
    for (int64_t i = 0; i < frames; i++) seen += isfinite(opening[i]);
    if (!seen) return 0;
    for (int i = 0; i < count; i++) {
        double t = start + (double)i / RATE;
        for (; k < frames && time[k] <= t; k++)
            if (isfinite(opening[k])) last = k;
        if (next < k)
            for (next = k; next < frames && !isfinite(opening[next]);) next++;
        if (last < 0) out[i] = opening[next];
        else if (next >= frames) out[i] = opening[last];
        else {
            double w = (t - time[last]) / (time[next] - time[last]);
            out[i] = (float)((1 - w) * opening[last] + w * opening[next]);
        }
    }
    return seen;
}

/* Take off the mean of SLOW around each point, then the mean; unit deviation. False when nothing is left. */
static bool settle(float *x, float *scratch, int count)
{
    int half = (int)(SLOW * RATE / 2);
    double sum = 0;
    memcpy(scratch, x, sizeof(float) * (size_t)count);
    for (int i = 0; i < count; i++) {
        double m = 0;
        int from = LK_MAX(i - half, 0), to = LK_MIN(i + half, count - 1);
        for (int k = from; k <= to; k++) m += scratch[k];
        x[i] -= (float)(m / (to - from + 1));
        sum += x[i];
    }
    double mean = sum / count, power = 0;
    for (int i = 0; i < count; i++) {
        x[i] -= (float)mean;
        power += (double)x[i] * x[i];
    }
    double deviation = sqrt(power / count);
    if (!(deviation > STILL)) return false;
    for (int i = 0; i < count; i++) x[i] /= (float)deviation;
    return true;
}

static void reverse(float *x, int count)
{
    for (int i = 0, k = count - 1; i < k; i++, k--) {
        float swap = x[i];
        x[i] = x[k];
        x[k] = swap;
    }
}

/* Sound shifted by `shift` points, around the end. */
static double correlate(const float *mouth, const float *sound, int count, int shift)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)mouth[i] * sound[((i + shift) % count + count) % count];
    return sum / count;
}

static double best_near(const float *mouth, const float *sound, int count, int centre, int *lag)
{
    double best = -2;
    for (int d = -NEAR; d <= NEAR; d++) {
        double c = correlate(mouth, sound, count, centre + d);
        if (c > best) {
            best = c;
            if (lag) *lag = d;
        }
    }
    return best;
}

static void compare(const float *mouth, float *sound, int count, lk_lips_result *r)
{
    int lag = 0, better = 0;
    r->correlation = best_near(mouth, sound, count, 0, &lag);
    r->lag = (double)lag / RATE;
    double sum = 0, sum2 = 0;
    for (int backwards = 0; backwards < 2; backwards++) {
        for (int s = backwards ? 0 : FAR + NEAR; s <= count - (backwards ? 1 : FAR + NEAR); s += CONTROL_STEP) {
            double c = best_near(mouth, sound, count, s, NULL);
            sum += c;
            sum2 += c * c;
            better += c >= r->correlation;
            r->controls++;
        }
        reverse(sound, count); /* played backwards it has the same rhythm, tied to nothing: a short clip needs more controls */
    }
    r->control = sum / r->controls;
    r->z = (r->correlation - r->control) / sqrt(fmax(sum2 / r->controls - r->control * r->control, 1e-4));
    r->p = (better + 1.0) / (r->controls + 1.0);
    if (r->seconds < SHORT) r->verdict = LK_LIPS_DOUBT;
    else if (r->correlation < NOT_CORRELATION || r->z < NOT_Z) r->verdict = LK_LIPS_NOT;
    else if (r->correlation < MOVE_CORRELATION || r->z < MOVE_Z || fabs(r->lag) > MOVE_LAG) r->verdict = LK_LIPS_DOUBT;
    else r->verdict = LK_LIPS_MOVE;
}

static lk_status check(const float *opening, const double *time, int64_t frames, const float *samples, int64_t n, int rate,
                       lk_error *err)
{
    if (!opening || !time || frames < 2 || frames > LK_LIPS_FRAMES_MAX)
        return LK_FAIL(err, LK_E_RANGE, "%lld pictures of the mouth: 2 to %d can be judged; cut the clip", (long long)frames,
                       LK_LIPS_FRAMES_MAX);
    if (!samples || rate < 8000 || rate > 192000)
        return LK_FAIL(err, LK_E_RANGE, "sound at %d Hz cannot be judged; resample it to 16000", rate);
    for (int64_t i = 0; i < frames; i++)
        if (!isfinite(time[i]) || (i && !(time[i] > time[i - 1])))
            return LK_FAIL(err, LK_E_FORMAT, "the time of picture %lld does not rise; read the clip again", (long long)i);
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(samples[i]) < 1e4f))
            return LK_FAIL(err, LK_E_FORMAT, "sample %lld of the sound is no number; decode or record it again", (long long)i);
    double both = fmin(time[frames - 1], (double)n / rate) - fmax(time[0], 0);
    if (!(both >= LK_LIPS_SECONDS_LEAST))
        return LK_FAIL(err, LK_E_RANGE, "picture and sound share %.1f s; %.1f s are needed: record longer", fmax(both, 0),
                       LK_LIPS_SECONDS_LEAST);
    if (both > LK_LIPS_SECONDS_MAX)
        return LK_FAIL(err, LK_E_RANGE, "the clip lasts %.0f s, more than %d s; cut it", both, LK_LIPS_SECONDS_MAX);
    return LK_OK;
}

lk_status lk_lips_judge(const float *opening, const double *time, int64_t frames, const float *samples, int64_t n, int rate,
                        lk_lips_result *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(check(opening, time, frames, samples, n, rate, err));
    double start = fmax(time[0], 0);
    int64_t skip = (int64_t)(start * rate);
    out->seconds = fmin(time[frames - 1], (double)n / rate) - start;
    int count = (int)(out->seconds * RATE);
    lk_status s = LK_OK;
    float *mouth = lk_alloc(sizeof(float) * (size_t)count * 3), *sound = mouth + count, *scratch = sound + count;
    if (!mouth) return LK_FAIL(err, LK_E_NOMEM, "no memory to compare %d points of mouth and sound", count);
    if ((double)even(opening, time, frames, start, mouth, count) < SEEN_LEAST * (double)frames)
        s = LK_FAIL(err, LK_E_NOTFOUND, "the mouth is seen in less than half of the pictures; record it facing the camera");
    else if (!settle(mouth, scratch, count))
        s = LK_FAIL(err, LK_E_FORMAT, "the mouth does not move; record the sentence spoken into the camera");
    else if (!envelope(samples + skip, n - skip, rate, sound, scratch, count) || !settle(sound, scratch, count))
        s = LK_FAIL(err, LK_E_FORMAT, "the sound is silent; check the microphone and record it again");
    else
        compare(mouth, sound, count, out);
    lk_free(mouth);
    return s;
}
